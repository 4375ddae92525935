//go:build cpy3

package cpy3_test

import (
	"testing"

	python3 "github.com/go-python/cpy3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/internal/pythontest"
	"github.com/gopyrpc/gopyrpc/pybridge"
	"github.com/gopyrpc/gopyrpc/pybridge/cpy3"
)

func TestToCpy3_givesAReferenceOfItsOwn(t *testing.T) {
	o := fresh(t)
	before := refcount(t, o)
	var p *python3.PyObject
	pythontest.With(t, func(tok gil.Token) {
		var err error
		p, err = cpy3.ToCpy3(tok, o)
		require.NoError(t, err)
	})
	assert.Equal(t, before+1, refcount(t, o))
	pythontest.With(t, func(gil.Token) { p.DecRef() })
	assert.Equal(t, before, refcount(t, o))
}

func TestToCpy3_outlivesTheObject(t *testing.T) {
	var p *python3.PyObject
	pythontest.With(t, func(tok gil.Token) {
		list, err := pybridge.ToPython(tok, []any{"alive"})
		require.NoError(t, err)
		p, err = cpy3.ToCpy3(tok, list)
		require.NoError(t, err)
		list.Release()
	})
	pythontest.With(t, func(gil.Token) {
		require.Equal(t, 1, python3.PyList_Size(p))
		assert.Equal(t, "alive", python3.PyUnicode_AsUTF8(python3.PyList_GetItem(p, 0)))
		p.DecRef()
	})
}

func TestFromCpy3_leavesTheCallersReference(t *testing.T) {
	o := fresh(t)
	before := refcount(t, o)
	var p *python3.PyObject
	var back *pybridge.Object
	pythontest.With(t, func(tok gil.Token) {
		var err error
		p, err = cpy3.ToCpy3(tok, o)
		require.NoError(t, err)
		back, err = cpy3.FromCpy3(tok, p)
		require.NoError(t, err)
		same, err := back.Pointer(tok)
		require.NoError(t, err)
		assert.Equal(t, p, (*python3.PyObject)(same))
	})
	assert.Equal(t, before+2, refcount(t, o))
	back.Release()
	assert.Equal(t, before+1, refcount(t, o))
	pythontest.With(t, func(gil.Token) { p.DecRef() })
	assert.Equal(t, before, refcount(t, o))
}

func TestTake_consumesTheReference(t *testing.T) {
	o := fresh(t)
	before := refcount(t, o)
	var taken *pybridge.Object
	pythontest.With(t, func(tok gil.Token) {
		p, err := cpy3.ToCpy3(tok, o)
		require.NoError(t, err)
		taken, err = cpy3.Take(tok, p)
		require.NoError(t, err)
	})
	assert.Equal(t, before+1, refcount(t, o))
	taken.Release()
	taken.Release()
	assert.Equal(t, before, refcount(t, o))
}

func TestValuesGoBothWays(t *testing.T) {
	pythontest.With(t, func(tok gil.Token) {
		o, err := cpy3.Take(tok, python3.PyUnicode_FromString("tëxt 🐍"))
		require.NoError(t, err)
		defer o.Release()
		text, err := pybridge.As[string](tok, o)
		require.NoError(t, err)
		assert.Equal(t, "tëxt 🐍", text)

		n, err := pybridge.ToPython(tok, 1<<40)
		require.NoError(t, err)
		defer n.Release()
		p, err := cpy3.ToCpy3(tok, n)
		require.NoError(t, err)
		defer p.DecRef()
		assert.True(t, python3.PyLong_Check(p))
		assert.Equal(t, 1<<40, python3.PyLong_AsLong(p))
	})
}

func TestFailedCallsBecomeErrors(t *testing.T) {
	pythontest.With(t, func(tok gil.Token) {
		_, err := cpy3.Take(tok, python3.PyImport_ImportModule("no_such_module"))
		require.ErrorIs(t, err, pybridge.ModuleNotFoundError)
		require.NoError(t, cpy3.Err(tok), "the exception was taken")

		missing, err := pybridge.ToPython(tok, 1)
		require.NoError(t, err)
		defer missing.Release()
		p, err := cpy3.ToCpy3(tok, missing)
		require.NoError(t, err)
		defer p.DecRef()
		_, err = cpy3.FromCpy3(tok, p.GetAttrString("nothing"))
		require.ErrorIs(t, err, pybridge.AttributeError)

		python3.PyErr_SetString(python3.PyExc_ValueError, "from cpy3")
		err = cpy3.Err(tok)
		var raised *pybridge.Error
		require.ErrorAs(t, err, &raised)
		assert.Equal(t, "ValueError: from cpy3", raised.Error())
		assert.Nil(t, python3.PyErr_Occurred())
	})
}

func TestNullAndNilAreErrors(t *testing.T) {
	pythontest.With(t, func(tok gil.Token) {
		_, err := cpy3.FromCpy3(tok, nil)
		require.ErrorIs(t, err, cpy3.ErrNull)
		_, err = cpy3.Take(tok, nil)
		require.ErrorIs(t, err, cpy3.ErrNull)
		_, err = cpy3.ToCpy3(tok, nil)
		require.Error(t, err)

		o, err := pybridge.ToPython(tok, "short-lived")
		require.NoError(t, err)
		o.Release()
		_, err = cpy3.ToCpy3(tok, o)
		require.ErrorIs(t, err, pybridge.ErrReleased)
	})
}

func TestWithoutTheGIL(t *testing.T) {
	o := fresh(t)
	before := refcount(t, o)
	var p *python3.PyObject
	var old gil.Token
	pythontest.With(t, func(tok gil.Token) {
		var err error
		p, err = cpy3.ToCpy3(tok, o)
		require.NoError(t, err)
		old = tok
	})
	require.ErrorIs(t, pythontest.Misuse(func() error { _, err := cpy3.ToCpy3(old, o); return err }), pybridge.ErrNotHeld)
	require.ErrorIs(t, pythontest.Misuse(func() error { _, err := cpy3.FromCpy3(old, p); return err }), pybridge.ErrNotHeld)
	require.ErrorIs(t, pythontest.Misuse(func() error { _, err := cpy3.Take(old, p); return err }), pybridge.ErrNotHeld)
	require.ErrorIs(t, pythontest.Misuse(func() error { _, err := cpy3.Take(old, nil); return err }), pybridge.ErrNotHeld)
	require.ErrorIs(t, pythontest.Misuse(func() error { return cpy3.Err(old) }), pybridge.ErrNotHeld)

	pythontest.With(t, func(gil.Token) { p.DecRef() }) // the refused Take has not consumed it
	assert.Equal(t, before, refcount(t, o))
}
