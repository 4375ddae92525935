package handler_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/handler"
	"github.com/gopyrpc/gopyrpc/handler/jit"
	"github.com/gopyrpc/gopyrpc/internal/pythontest"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// TestParseTypeNeedsNoPython where a text names no classes.
func TestParseTypeNeedsNoPython(t *testing.T) {
	h := newHandler(t)
	defer held(t)()
	got, err := h.ParseType(t.Context(), "Dict[str, List[int] | None]")
	require.NoError(t, err)
	assert.Equal(t, "Dict[str, Optional[List[int]]]", got.String())
	_, err = h.ParseType(t.Context(), "List[")
	assert.ErrorAs(t, err, new(*jit.ParseError))
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
	assert.Equal(t, jit.Type{Kind: jit.ClassKind, Name: "__torch__.C"}, *union[0])
	assert.Equal(t, jit.Type{Kind: jit.InterfaceKind, Name: "__torch__.I"}, *union[3])
	assert.Equal(t, []string{"__torch__.I", "m.Cb", "m.Ca", "__torch__.C"}, asked())
	_, err = h.ParseType(t.Context(), "List[m.Unknown]")
	require.ErrorIs(t, err, jit.ErrUnknownClass)
	assert.ErrorContains(t, err, `a type expected at character 6, where there is "m.Unknown": no class or interface of this name`)
}

// TestParseTypeWithoutCompilationUnit: our own module has none.
func TestParseTypeWithoutCompilationUnit(t *testing.T) {
	h := newHandler(t)
	_, err := h.ParseType(t.Context(), "List[__torch__.Model]")
	require.ErrorIs(t, err, handler.ErrNoCompilationUnit)
	assert.NotErrorIs(t, err, jit.ErrUnknownClass)
	assert.ErrorAs(t, err, new(*jit.ParseError))
	assert.ErrorContains(t, err, `at character 6, where there is "__torch__.Model"`)
	pythontest.With(t, func(gil.Token) {
		assert.ErrorIs(t, pythontest.Misuse(func() error { _, err := h.ParseType(t.Context(), "int"); return err }), gil.ErrHeld)
	})
}
