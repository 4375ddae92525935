package handler_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/handler"
	"github.com/gopyrpc/gopyrpc/internal/pythontest"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// vectors are pickles that were made once, by real torch and by our module (scripts/vectors/make.py).
const (
	vectorsDir    = "../testdata/vectors"
	vectorScripts = "../scripts/vectors"
	ourVectors    = "gopyrpc*"
)

// vector is an entry of an index.json; see scripts/vectors/vectors.py.
type vector struct {
	File, Kind, Expect string
	Needs              []string
	Tensors            []json.RawMessage

	folder string
}

func (v vector) String() string { return v.folder + "/" + v.File }

func (v vector) needsTorch() bool { return len(v.Needs) > 0 }

// vectorsIn reads the vectors of the folders that match, of which there must be some.
func vectorsIn(t *testing.T, root, pattern string) (all []vector) {
	t.Helper()
	indexes, err := filepath.Glob(filepath.Join(root, pattern, "index.json"))
	require.NoError(t, err)
	for _, path := range indexes {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		var index struct{ Vectors []vector }
		require.NoError(t, json.Unmarshal(text, &index), path)
		for _, v := range index.Vectors {
			v.folder = filepath.Base(filepath.Dir(path))
			all = append(all, v)
		}
	}
	require.NotEmpty(t, all, "no vectors in %s/%s", root, pattern)
	return all
}

// reader is the Python module that makes and describes what vectors hold.
func reader(t *testing.T, tok gil.Token) *pybridge.Object {
	t.Helper()
	dir, err := filepath.Abs(vectorScripts)
	require.NoError(t, err)
	source := fmt.Sprintf("import sys\nsys.path.insert(0, %q)\nimport vectors\ndel sys.path[0]", dir)
	return pythontest.Define(t, tok, source, "vectors")
}

func payloadOf(t *testing.T, root string, v vector) (p handler.Payload) {
	t.Helper()
	var err error
	p.Data, err = os.ReadFile(filepath.Join(root, v.folder, v.File))
	require.NoError(t, err)
	pythontest.With(t, func(tok gil.Token) {
		for _, spec := range v.Tensors {
			loads := pythontest.Eval(t, tok, "__import__('json').loads")
			dict, err := loads.Call(tok, string(spec))
			require.NoError(t, err)
			defer dict.Release()
			tensor, err := reader(t, tok).CallMethod(tok, "tensor_of", dict)
			require.NoError(t, err, "%+v", err)
			p.Tensors = append(p.Tensors, handler.NewTensor(tensor))
		}
	})
	t.Cleanup(p.Release)
	return p
}

// replay does with a vector what callee and caller do, and compares.
func replay(t *testing.T, h *handler.Handler, root string, v vector) {
	t.Helper()
	p := payloadOf(t, root, v)
	if v.Kind == "call" {
		var err error
		p, err = h.RunUDF(t.Context(), p)
		require.NoError(t, err, "%s: %+v", v, err)
		t.Cleanup(p.Release)
	}
	result, err := h.Deserialize(t.Context(), p)
	require.NoError(t, err, "%s: %+v", v, err)
	defer result.Release()
	err = h.HandleException(t.Context(), result)
	if v.Kind == "exception" {
		checkRaised(t, v, err)
		return
	}
	require.NoError(t, err, v)
	pythontest.With(t, func(tok gil.Token) {
		description, err := reader(t, tok).CallMethod(tok, "describe", result)
		require.NoError(t, err, "%s: %+v", v, err)
		defer description.Release()
		text, err := description.Str(tok)
		require.NoError(t, err)
		assert.Equal(t, v.Expect, text, v)
	})
}

// checkRaised looks at the class, and for torch's, which are a text and a class, at the text. Ours
// are compared in full by python/gopyrpc_tests/test_vectors.py.
func checkRaised(t *testing.T, v vector, err error) {
	t.Helper()
	var e *pybridge.Error
	require.True(t, errors.As(err, &e), "%s raised %v", v, err)
	class := e.Module + "." + e.Type
	if strings.HasPrefix(v.folder, "gopyrpc") {
		want, _, _ := strings.Cut(v.Expect, "(")
		assert.Equal(t, want, class, v)
		return
	}
	assert.Contains(t, e.Message, "On WorkerInfo(id=1, name=w1)", v)
	if class != "gopyrpc.internal.RemoteError" { // torch cannot rebuild it
		assert.Equal(t, v.Expect, class, v)
	}
}

// TestVectorsOfOurs: what older versions of our module pickled stays loadable, on every Python.
func TestVectorsOfOurs(t *testing.T) {
	torch := pythontest.HasModule(t, "torch")
	if torch {
		torchHandler(t) // imports torch where that is safe
	}
	h := newHandler(t)
	for _, v := range vectorsIn(t, vectorsDir, ourVectors) {
		if torch || !v.needsTorch() {
			replay(t, h, vectorsDir, v)
		}
	}
}

// TestVectorsOfTorch: what real torch pickled runs in our handler, by torch's module and, unless torch
// keeps the tensors where only torch finds them, by ours.
func TestVectorsOfTorch(t *testing.T) {
	torchs, ours := torchHandler(t), newHandler(t)
	for _, v := range vectorsIn(t, vectorsDir, "torch-*") {
		replay(t, torchs, vectorsDir, v)
		if len(v.Tensors) == 0 && v.Kind != "exception" {
			replay(t, ours, vectorsDir, v)
		}
	}
}

// TestVectorsOfOursInTorch: results of our module load in real torch, tensors apart, which are ours to
// rebuild.
func TestVectorsOfOursInTorch(t *testing.T) {
	h := torchHandler(t)
	for _, v := range vectorsIn(t, vectorsDir, ourVectors) {
		if v.Kind == "value" && len(v.Tensors) == 0 {
			replay(t, h, vectorsDir, v)
		}
	}
}

// TestVectorsMadeNow runs the maker with the torch that is here, and expects of the new vectors what
// it expects of the kept ones.
func TestVectorsMadeNow(t *testing.T) {
	torchs, ours := torchHandler(t), newHandler(t)
	root := t.TempDir()
	pythontest.With(t, func(tok gil.Token) {
		reader(t, tok)
		dir, err := filepath.Abs(vectorScripts)
		require.NoError(t, err)
		source := fmt.Sprintf("import sys\nsys.path.insert(0, %q)\nimport make, pathlib\ndel sys.path[0]\ndone = make.main(pathlib.Path(%q))", dir, root)
		pythontest.Define(t, tok, source, "done")
	})
	kept := map[string]string{}
	for _, v := range vectorsIn(t, vectorsDir, "*") {
		kept[v.String()] = v.Expect
	}
	for _, v := range vectorsIn(t, root, "*") {
		if strings.HasPrefix(v.folder, "gopyrpc") {
			replay(t, ours, root, v)
		} else {
			replay(t, torchs, root, v)
		}
		if expect, ok := kept[v.String()]; ok {
			assert.Equal(t, expect, v.Expect, v)
		}
	}
}
