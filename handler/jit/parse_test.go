package jit_test

import (
	"encoding/json"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/handler/jit"
)

// torchTypes are type expressions and what torch 1.13 makes of them, which TestTorchParsesTypesAlike of package handler
// checks.
func torchTypes(t testing.TB) (types []example) {
	t.Helper()
	data, err := os.ReadFile("testdata/types.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(data, &types))
	return types
}

type example struct{ Text, Want string }

// parse knows the names whose last part begins with C as classes, and with I as interfaces.
func parse(text string) (*jit.Type, error) { return jit.Parse(text, byInitial) }

func byInitial(names []string) (map[string]jit.Kind, error) {
	kinds := map[string]jit.Kind{}
	for _, name := range names {
		switch name[strings.LastIndexByte(name, '.')+1] {
		case 'C':
			kinds[name] = jit.ClassKind
		case 'I':
			kinds[name] = jit.InterfaceKind
		}
	}
	return kinds, nil
}

func TestParse(t *testing.T) {
	for _, c := range append(torchTypes(t), []example{
		{"PyObject", "PyObject"}, {"List[PyObject]", "List[PyObject]"},
		{"Generator", "Generator"}, {"Await[int]", "Await[int]"}, {"torch.jit._Await[int]", "Await[int]"},
		{"int | None", "Optional[int]"}, {"List[int|str]|Tensor", "Union[Tensor, List[Union[int, str]]]"}, {"(int|str)|None", "Union[int, NoneType, str]"},
		// torch writes an empty name first.
		{"Union[int,float,complex,str]", "Union[str, number]"}, {"Union[number,str,None]", "Union[NoneType, str, number]"},
	}...) {
		got, err := jit.Parse(c.Text, nil) // a text without classes needs no Resolver
		require.NoError(t, err, "%q", c.Text)
		assert.Equal(t, c.Want, got.String(), "%q", c.Text)
		again, err := parse(got.String())
		require.NoError(t, err, "%q", c.Text)
		assert.True(t, got.Equal(again), "%q: %v, %v", c.Text, got, again)
	}
}

// TestParseClasses: Parse asks for all the names of a text in one call, each once.
func TestParseClasses(t *testing.T) {
	var asked [][]string
	got, err := jit.Parse("Dict[str, Union[__torch__.I, m.Cb, m.Ca, __torch__.C, m . Ca]]", func(names []string) (map[string]jit.Kind, error) {
		asked = append(asked, names)
		return byInitial(names)
	})
	require.NoError(t, err)
	assert.Equal(t, "Dict[str, Union[__torch__.C, m.Ca, m.Cb, __torch__.I]]", got.String())
	assert.Equal(t, [][]string{{"__torch__.I", "m.Cb", "m.Ca", "__torch__.C"}}, asked)
	union := got.Elements[1].Elements
	assert.Equal(t, jit.Type{Kind: jit.ClassKind, Name: "__torch__.C"}, *union[0])
	assert.Equal(t, jit.Type{Kind: jit.InterfaceKind, Name: "__torch__.I"}, *union[3])
}

// TestParseUnknownClass: a name that the Resolver left out is a mistake at its place; an error of the Resolver is Parse's.
func TestParseUnknownClass(t *testing.T) {
	_, err := parse("List[m.Unknown]")
	require.ErrorAs(t, err, new(*jit.ParseError))
	require.ErrorIs(t, err, jit.ErrUnknownClass)
	assert.ErrorContains(t, err, `a type expected at character 6, where there is "m.Unknown": no class or interface of this name`)
	_, err = jit.Parse("List[m.Unknown]", func([]string) (map[string]jit.Kind, error) { return nil, io.ErrClosedPipe })
	assert.Equal(t, io.ErrClosedPipe, err)
}

// TestParseFails: each error says what is expected, and where. Positions are in characters, from 1.
func TestParseFails(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", `type "": a type expected at character 1, where the text ends`},
		{"  ", `a type expected at character 3, where the text ends`},
		{"List[int", `] or a comma expected at character 9, where the text ends`},
		{"List[int str]", `] or a comma expected at character 10, where there is "str"`},
		{"List[", "a type expected at character 6, where the text ends"},
		{"List[int]]", `the end of the text expected at character 10, where there is "]"`},
		{"int int", `the end of the text expected at character 5, where there is "int"`},
		{"List[int][int]", `the end of the text expected at character 10, where there is "["`},
		{"List[,]", `a type expected at character 6, where there is ","`},
		{"List[int,,]", `a type expected at character 10, where there is ","`},
		{"List[]", `List of exactly 1 type, not of 0, expected at character 1`},
		{"Tuple[List[int, str]]", `List of exactly 1 type, not of 2, expected at character 7`},
		{"Dict[str]", `Dict of exactly 2 types, not of 1, expected at character 1`},
		{"Dict[List[int], int]", `a key of type int, bool, float, complex, str, Tensor, Device or Any expected at character 6, where there is "List[int]"`},
		{"Optional[None]", `an Optional of another type than None expected at character 1`},
		{"Union[int, int]", `a Union of two types that are not part of each other expected at character 1`},
		{"Union[]", `a Union of two types`}, {"Union[Any, int]", `a Union of two types`}, {"None | None", "a Union of two types"},
		{"Union[Tensor, LongTensor]", `a Union of two types`},
		{"List", `a type, which List is only with types in [ ] behind it, expected at character 1, where there is "List"`},
		{"int[int]", `List, Dict, Tuple, Optional, Union, Future, RRef or Await before the [ expected at character 1, where there is "int"`},
		{"typing.List[int]", `expected at character 1, where there is "typing.List"`},
		{"List[Final[int]]", `expected at character 6, where there is "Final"`},
		{"Tuple[int, ...]", `a type expected at character 12, where there is "."`},
		{"Tuple[int, ()]", `a type expected at character 12, where there is "()"`},
		{"()", `a type expected at character 1, where there is "()"`}, {"(int", `) expected at character 5, where the text ends`},
		{"(int, str)", `) expected at character 5, where there is ","`},
		{"a.", "a name after the dot expected at character 3, where the text ends"},
		{"a..b", `a name after the dot expected at character 3, where there is "."`},
		{"torch.None", `a name after the dot expected at character 7, where there is "None"`},
		{"None.x", `the end of the text expected at character 5, where there is "."`},
		{"a.def", `a name after the dot expected at character 3, where there is "def"`},
		{"int |", `a type expected at character 6, where the text ends`}, {"| int", `a type expected at character 1`},
		{"True", `a type expected at character 1, where there is "True"`}, {"def", "a type expected at character 1"},
		{"5", `where there is "5"`}, {"-int", `where there is "-"`}, {"*int", `where there is "*"`}, {"[int]", `where there is "["`},
		{"'int'", `where there is "'"`}, {"int()", `where there is "("`}, {"int # c", `where there is "#"`}, {"int\x00", `where there is "\x00"`},
		{"é", `a type expected at character 1, where there is "é"`}, {"List[é]", `a type expected at character 6, where there is "é"`},
		{"\u00a0int", `a type expected at character 1`}, {"int\xff", `at character 4, where there is "\xff"`},
		{"List[int] é é", `the end of the text expected at character 11`},
	} {
		got, err := parse(c.text)
		assert.Nil(t, got, "%q", c.text)
		var e *jit.ParseError
		require.ErrorAs(t, err, &e, "%q", c.text)
		assert.ErrorContains(t, err, c.want, "%q", c.text)
		assert.Equal(t, c.text, e.Text)
		assert.NoError(t, e.Err, "%q", c.text)
	}
}

// TestParsePositions: an offset is in bytes, its Rune in characters, and a long text is shown in
// part, cut between characters.
func TestParsePositions(t *testing.T) {
	var e *jit.ParseError
	_, err := parse("List[int] é ñ" + strings.Repeat("ü", 100))
	require.ErrorAs(t, err, &e)
	assert.Equal(t, 10, e.Offset)
	e = &jit.ParseError{Text: strings.Repeat("ü", 100) + "x", Offset: 200}
	assert.Equal(t, 100, e.Rune())
	assert.Contains(t, e.Error(), `type …"`+strings.Repeat("ü", 20)+`x"`)
}

// TestParseIsBounded: what a peer sends must not exhaust the stack or the time.
func TestParseIsBounded(t *testing.T) {
	nested := func(n int, open, inner, end string) string {
		return strings.Repeat(open, n) + inner + strings.Repeat(end, n)
	}
	parsed, err := parse(nested(99, "List[", "int", "]"))
	require.NoError(t, err)
	assert.Equal(t, nested(99, "List[", "int", "]"), parsed.String())
	var members []string
	names := []string{"int", "str", "bool", "float", "Device", "Stream", "list", "tuple"}
	for i := range 64 {
		members = append(members, "Tuple["+names[i/8]+","+names[i%8]+"]")
	}
	members = append(members, "Tensor")
	_, err = parse("Union[" + strings.Join(members[:64], ",") + "]")
	require.NoError(t, err)
	for text, want := range map[string]string{
		nested(100, "List[", "int", "]"):                          "nested at most 100 deep expected at character 501",
		nested(500, "List[", "int", "]"):                          "nested at most 100 deep expected at character 501",
		nested(500, "(", "int", ")"):                              "nested at most 100 deep expected at character 101",
		strings.Repeat("(", 1000):                                 "nested at most 100 deep",
		nested(98, "List[", "Tuple[None | int, bool] | str", "]"): "nested at most 100 deep",
		nested(1_000_000, "List[", "int", "]"):                    "the end of the text, at 4096 bytes, expected at character 4097",
		"Tuple[" + strings.Repeat("int,", 1000) + "]":             "a type of at most 4096 bytes expected at character 1",
		"Union[" + strings.Join(members, ",") + "]":               "a Union of at most 64 types expected at character 1",
	} {
		_, err := parse(text)
		assert.ErrorAs(t, err, new(*jit.ParseError))
		assert.ErrorContains(t, err, want, "%.30s", text)
		assert.Less(t, len(err.Error()), 1000)
	}
}

func TestTypeEqual(t *testing.T) {
	var types []*jit.Type
	for _, text := range []string{"int", "List[int]", "Optional[int]", "List[str]", "Tuple[int]", "Tuple[int, int]", "Tuple[()]", "list", "PyObject"} {
		parsed, err := parse(text)
		require.NoError(t, err)
		types = append(types, parsed)
	}
	types = append(types, &jit.Type{Kind: jit.ClassKind, Name: "a.B"}, &jit.Type{Kind: jit.ClassKind, Name: "a.C"},
		&jit.Type{Kind: jit.InterfaceKind, Name: "a.B"}, nil)
	for i, a := range types {
		for j, b := range types {
			assert.Equal(t, i == j, a.Equal(b), "%v, %v", a, b)
		}
	}
	assert.Equal(t, "no type", types[len(types)-1].String())
	assert.Equal(t, "unknown kind", jit.Kind(200).String())
}
