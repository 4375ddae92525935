package handler_test

import (
	"encoding/json"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/handler"
	"github.com/gopyrpc/gopyrpc/handler/jit"
	"github.com/gopyrpc/gopyrpc/internal/pythontest"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// torchParse makes torch parse type expressions as the annotation of a function's parameter: torch's
// ScriptTypeParser is not reachable from Python by itself. What it refuses is None.
const torchParse = `
import torch

def parse(text):
    unit = torch._C.CompilationUnit()
    try:
        unit.define(f"def f(x: {text}):\n    return 1\n", lambda name: None)
    except RuntimeError:
        return None
    return unit.find_function("f").schema.arguments[0].type.annotation_str

def parse_all(texts):
    return [parse(text) for text in texts]
`

func torchAnnotations(t *testing.T, texts []string) (annotations []*string) {
	t.Helper()
	pythontest.With(t, func(tok gil.Token) {
		list, err := pythontest.Define(t, tok, torchParse, "parse_all").Call(tok, texts)
		require.NoError(t, err)
		defer list.Release()
		annotations, err = pybridge.As[[]*string](tok, list)
		require.NoError(t, err)
	})
	return annotations
}

func TestTorchParsesTypesAlike(t *testing.T) {
	h := torchHandler(t)
	var texts []string
	var types []struct{ Text, Want string }
	data, err := os.ReadFile("jit/testdata/types.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(data, &types))
	for _, c := range types {
		texts = append(texts, c.Text)
	}
	for i, got := range torchAnnotations(t, texts) {
		if assert.NotNil(t, got, texts[i]) {
			assert.Equal(t, types[i].Want, *got, texts[i])
		}
	}
	sameAsTorch(t, h, []string{
		"", "List[]", "List[int,int]", "Dict[str]", "Dict[List[int],int]", "Dict[number,int]", "Dict[Optional[int],int]", "Dict[Stream,int]",
		"Optional[None]", "Union[int]", "Union[Any,int]", "Union[List[int],list]", "List[", "List[int]]", "List[int][int]", "int int",
		"Tuple[int,...]", "Tuple[int,()]", "Tuple[(int,str)]", "()", "(int,)", "int[int]", "typing.List[int]", "Scalar", "Storage", "Layout",
		"torch.device", "dict", "bytes", "5", "True", "-int", "*int", "int()", "a.", "a..b", "torch.None", "def",
	})
}

// sameAsTorch compares what both make of texts.
func sameAsTorch(t *testing.T, h *handler.Handler, texts []string) {
	t.Helper()
	for i, theirs := range torchAnnotations(t, texts) {
		ours, err := h.ParseType(t.Context(), texts[i])
		if theirs == nil {
			assert.ErrorAs(t, err, new(*jit.ParseError), texts[i])
			continue
		}
		if assert.NoError(t, err, texts[i]) {
			assert.Equal(t, *theirs, ours.String(), texts[i])
		}
	}
}

// TestTorchParsesRandomTypesAlike has Unions above all: what they are made into is the difficult part.
// None has a number, or a complex to make one: torch 1.13 writes a Union with it in ways that it
// cannot read, and sorts by them (TestParse of package jit has ours). Nor an Any or a Tensor: torch fails an
// assertion where Tuples in a Union share one, as in Union[Tuple[Tensor, int], Tuple[Tensor, str]].
func TestTorchParsesRandomTypesAlike(t *testing.T) {
	h := torchHandler(t)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	texts := make([]string, 500)
	for i := range texts {
		texts[i] = randomType(r, 3)
	}
	sameAsTorch(t, h, texts)
}

func randomType(r *rand.Rand, depth int) string {
	pick := func(names ...string) string { return names[r.IntN(len(names))] }
	if depth == 0 || r.IntN(4) == 0 {
		return pick("int", "float", "str", "bool", "None", "Device", "Stream", "list", "tuple")
	}
	args := make([]string, 1+r.IntN(3))
	for i := range args {
		args[i] = randomType(r, depth-1)
	}
	switch name := pick("Union", "Union", "Tuple", "Optional", "List", "Future", "RRef", "Dict"); name {
	case "Union", "Tuple":
		return name + "[" + strings.Join(args, ", ") + "]"
	case "Dict":
		return "Dict[" + pick("int", "str") + ", " + args[0] + "]"
	default:
		return name + "[" + args[0] + "]"
	}
}

// TestTorchClasses finds script classes and interfaces, and says of others that there are none.
func TestTorchClasses(t *testing.T) {
	h := torchHandler(t)
	pythontest.With(t, func(tok gil.Token) { value(t, tok, "__import__('torch_types')") })
	parsed, err := h.ParseType(t.Context(), "Dict[str, Optional[Union[__torch__.torch_types.Shape, __torch__.torch_types.Model]]]")
	require.NoError(t, err)
	assert.Equal(t, "Dict[str, Optional[Union[__torch__.torch_types.Model, __torch__.torch_types.Shape]]]", parsed.String())
	members := parsed.Elements[1].Elements[0].Elements
	assert.Equal(t, jit.ClassKind, members[0].Kind)
	assert.Equal(t, jit.InterfaceKind, members[1].Kind)
	_, err = h.ParseType(t.Context(), "__torch__.torch_types.Nothing")
	require.ErrorIs(t, err, jit.ErrUnknownClass)
}
