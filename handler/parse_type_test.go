package handler_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/handler"
	"github.com/gopyrpc/gopyrpc/internal/pythontest"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// typeTexts are type expressions and what torch 1.13 makes of them, which TestTorchParsesTypesAlike
// checks.
var typeTexts = []struct{ text, want string }{
	{"Tensor", "Tensor"}, {"torch.Tensor", "Tensor"}, {"LongTensor", "Tensor"}, {"torch.BoolTensor", "Tensor"},
	{"int", "int"}, {"float", "float"}, {"bool", "bool"}, {"complex", "complex"}, {"str", "str"}, {"Device", "Device"},
	{"Stream", "Stream"}, {"number", "number"}, {"None", "NoneType"}, {"NoneType", "NoneType"}, {"Any", "Any"},
	{"Capsule", "Capsule"}, {"list", "list"}, {"tuple", "tuple"},
	{"List[int]", "List[int]"}, {"list[int]", "List[int]"}, {"dict[str,int]", "Dict[str, int]"}, {"tuple[int]", "Tuple[int]"},
	{" List [\n int\t] ", "List[int]"}, {"List[int,]", "List[int]"}, {"(int)", "int"}, {"((List)[(int)])", "List[int]"},
	{"torch . Tensor", "Tensor"},
	{"Tuple[()]", "Tuple[()]"}, {"Tuple[]", "Tuple[()]"}, {"Tuple[(),]", "Tuple[()]"}, {"Tuple[int, None]", "Tuple[int, NoneType]"},
	{"Tuple[Tuple[int],str]", "Tuple[Tuple[int], str]"},
	{"Dict[str,List[Tensor]]", "Dict[str, List[Tensor]]"}, {"Dict[Any,int]", "Dict[Any, int]"}, {"Dict[Device,int]", "Dict[Device, int]"},
	{"Future[None]", "Future[NoneType]"}, {"torch.jit.Future[int]", "Future[int]"}, {"RRef[List[int]]", "RRef[List[int]]"},
	{"Optional[int]", "Optional[int]"}, {"Optional[Optional[int]]", "Optional[int]"}, {"Optional[number]", "Optional[number]"},
	{"Optional[Any]", "Optional[Any]"}, {"Optional[Union[int,str]]", "Optional[Union[int, str]]"},
	{"Optional[Union[int,None,str]]", "Optional[Union[int, str]]"}, {"Optional[Union[number]]", "Optional[number]"},
	{"Optional[List[Optional[int]]]", "Optional[List[Optional[int]]]"},
	{"Union[str,int]", "Union[int, str]"}, {"Union[None,int]", "Optional[int]"}, {"Union[int,str,None]", "Union[int, NoneType, str]"},
	{"Union[int,float,bool]", "Union[float, int, bool]"}, {"Union[int,Union[str,float]]", "Union[float, int, str]"},
	{"Union[Optional[Union[int,str]],Tensor]", "Union[Tensor, int, NoneType, str]"}, {"Union[int,float,complex]", "Union[number]"},
	{"Union[number]", "Union[number]"}, {"Union[number,None]", "Optional[number]"}, {"Union[str,number,Tensor]", "Union[Tensor, str, number]"},
	{"Union[Any,int,None]", "Optional[Any]"}, {"Union[List[List[int]],List[bool]]", "Union[List[bool], List[List[int]]]"},
	{"Union[Dict[str,int],Dict[int,str],List[str],Tuple[int],Future[int],RRef[int],Device,Stream,Capsule,Tensor]",
		"Union[Tensor, Tuple[int], List[str], Dict[int, str], Dict[str, int], Future[int], RRef[int], Device, Stream, Capsule]"},
	{"Union[List[Optional[int]],List[int]]", "Union[List[Optional[int]], List[int]]"}, {"Union[RRef[int],RRef[Any]]", "Union[RRef[Any], RRef[int]]"},
	{"Union[Tuple[None],Tuple[int],Tuple[str]]", "Union[Tuple[int], Tuple[Optional[str]]]"},
	{"Union[Tuple[Optional[int]],Tuple[Union[int,str]],int]", "Union[Tuple[Optional[Union[int, str]]], int]"},
	{"Union[List[int],list,str]", "Union[str, list]"}, {"Union[Tuple[int],tuple,str]", "Union[str, tuple]"},
	{"Union[Future[int],Future[Any],str]", "Union[Future[Any], str]"}, {"Union[Future[int],Future[None],str]", "Union[Future[Optional[int]], str]"},
	{"Union[Tuple[Any],Tuple[int],str]", "Union[Tuple[Any], str]"}, {"Union[int,List[Any],List[int]]", "Union[List[Any], List[int], int]"},
	{"Union[Tuple[int],Tuple[int,int]]", "Union[Tuple[int], Tuple[int, int]]"}, {"Union[Tuple[number],Tuple[int],str]", "Union[Tuple[number], str]"},
}

func TestParseType(t *testing.T) {
	h := newHandler(t)
	defer held(t)() // a text without classes needs no Python
	for _, c := range append(typeTexts, []struct{ text, want string }{
		{"PyObject", "PyObject"}, {"List[PyObject]", "List[PyObject]"},
		{"Generator", "Generator"}, {"Await[int]", "Await[int]"}, {"torch.jit._Await[int]", "Await[int]"},
		{"int | None", "Optional[int]"}, {"List[int|str]|Tensor", "Union[Tensor, List[Union[int, str]]]"}, {"(int|str)|None", "Union[int, NoneType, str]"},
		// torch writes an empty name first.
		{"Union[int,float,complex,str]", "Union[str, number]"}, {"Union[number,str,None]", "Union[NoneType, str, number]"},
	}...) {
		got, err := h.ParseType(t.Context(), c.text)
		require.NoError(t, err, "%q", c.text)
		assert.Equal(t, c.want, got.String(), "%q", c.text)
		again, err := h.ParseType(t.Context(), got.String())
		require.NoError(t, err, "%q", c.text)
		assert.True(t, got.Equal(again), "%q: %v, %v", c.text, got, again)
	}
}

// TestParseTypeFails: each error says what is expected, and where. Positions are in characters, from 1.
func TestParseTypeFails(t *testing.T) {
	h := newHandler(t)
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
		got, err := h.ParseType(t.Context(), c.text)
		assert.Nil(t, got, "%q", c.text)
		var e *handler.ParseError
		require.ErrorAs(t, err, &e, "%q", c.text)
		assert.ErrorContains(t, err, c.want, "%q", c.text)
		assert.Equal(t, c.text, e.Text)
		assert.NoError(t, e.Err, "%q", c.text)
	}
}

// TestParseTypePositions: an offset is in bytes, its Rune in characters, and a long text is shown in
// part, cut between characters.
func TestParseTypePositions(t *testing.T) {
	var e *handler.ParseError
	_, err := newHandler(t).ParseType(t.Context(), "List[int] é ñ"+strings.Repeat("ü", 100))
	require.ErrorAs(t, err, &e)
	assert.Equal(t, 10, e.Offset)
	e = &handler.ParseError{Text: strings.Repeat("ü", 100) + "x", Offset: 200}
	assert.Equal(t, 100, e.Rune())
	assert.Contains(t, e.Error(), `type …"`+strings.Repeat("ü", 20)+`x"`)
}

// TestParseTypeIsBounded: what a peer sends must not exhaust the stack or the time.
func TestParseTypeIsBounded(t *testing.T) {
	h := newHandler(t)
	nested := func(n int, open, inner, end string) string {
		return strings.Repeat(open, n) + inner + strings.Repeat(end, n)
	}
	parsed, err := h.ParseType(t.Context(), nested(99, "List[", "int", "]"))
	require.NoError(t, err)
	assert.Equal(t, nested(99, "List[", "int", "]"), parsed.String())
	var members []string
	names := []string{"int", "str", "bool", "float", "Device", "Stream", "list", "tuple"}
	for i := range 64 {
		members = append(members, "Tuple["+names[i/8]+","+names[i%8]+"]")
	}
	members = append(members, "Tensor")
	_, err = h.ParseType(t.Context(), "Union["+strings.Join(members[:64], ",")+"]")
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
		_, err := h.ParseType(t.Context(), text)
		assert.ErrorAs(t, err, new(*handler.ParseError))
		assert.ErrorContains(t, err, want, "%.30s", text)
		assert.Less(t, len(err.Error()), 1000)
	}
}

// TestParseTypeClasses looks all the names of a text up in one call.
func TestParseTypeClasses(t *testing.T) {
	h := newHandler(t, handler.WithModule("full_rpc"))
	asked := func() []string {
		var o *pybridge.Object
		pythontest.With(t, func(tok gil.Token) {
			o = value(t, tok, "[(a := __import__('full_rpc').Unit.asked).copy(), a.clear()][0]")
		})
		return as[[]string](t, o)
	}
	asked()
	got, err := h.ParseType(t.Context(), "Dict[str, Union[__torch__.I, m.Cb, m.Ca, __torch__.C, m . Ca]]")
	require.NoError(t, err)
	assert.Equal(t, "Dict[str, Union[__torch__.C, m.Ca, m.Cb, __torch__.I]]", got.String())
	union := got.Elements[1].Elements
	assert.Equal(t, handler.Type{Kind: handler.ClassKind, Name: "__torch__.C"}, *union[0])
	assert.Equal(t, handler.Type{Kind: handler.InterfaceKind, Name: "__torch__.I"}, *union[3])
	assert.Equal(t, []string{"__torch__.I", "m.Cb", "m.Ca", "__torch__.C"}, asked())
	_, err = h.ParseType(t.Context(), "List[m.Unknown]")
	require.ErrorIs(t, err, handler.ErrUnknownClass)
	assert.ErrorContains(t, err, `a type expected at character 6, where there is "m.Unknown": no class or interface of this name`)
}

// TestParseTypeWithoutCompilationUnit: our own module has none.
func TestParseTypeWithoutCompilationUnit(t *testing.T) {
	h := newHandler(t)
	_, err := h.ParseType(t.Context(), "List[__torch__.Model]")
	require.ErrorIs(t, err, handler.ErrNoCompilationUnit)
	assert.NotErrorIs(t, err, handler.ErrUnknownClass)
	assert.ErrorAs(t, err, new(*handler.ParseError))
	assert.ErrorContains(t, err, `at character 6, where there is "__torch__.Model"`)
	pythontest.With(t, func(gil.Token) {
		assert.ErrorIs(t, pythontest.Misuse(func() error { _, err := h.ParseType(t.Context(), "int"); return err }), gil.ErrHeld)
	})
}

func TestTypeEqual(t *testing.T) {
	h := newHandler(t)
	var types []*handler.Type
	for _, text := range []string{"int", "List[int]", "Optional[int]", "List[str]", "Tuple[int]", "Tuple[int, int]", "Tuple[()]", "list", "PyObject"} {
		parsed, err := h.ParseType(t.Context(), text)
		require.NoError(t, err)
		types = append(types, parsed)
	}
	types = append(types, &handler.Type{Kind: handler.ClassKind, Name: "a.B"}, &handler.Type{Kind: handler.ClassKind, Name: "a.C"},
		&handler.Type{Kind: handler.InterfaceKind, Name: "a.B"}, nil)
	for i, a := range types {
		for j, b := range types {
			assert.Equal(t, i == j, a.Equal(b), "%v, %v", a, b)
		}
	}
	assert.Equal(t, "no type", types[len(types)-1].String())
	assert.Equal(t, "unknown kind", handler.Kind(200).String())
}
