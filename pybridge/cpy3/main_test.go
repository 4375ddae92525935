//go:build cpy3

package cpy3_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/internal/pythontest"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

func TestMain(m *testing.M) { pythontest.Main(m) }

// fresh gives an object that nobody else refers to.
func fresh(t *testing.T) (o *pybridge.Object) {
	t.Helper()
	pythontest.With(t, func(tok gil.Token) { o = pythontest.Eval(t, tok, "type('Fresh', (), {})()") })
	return o
}

// refcount is sys.getrefcount, after everything that was released has been dropped.
func refcount(t *testing.T, o *pybridge.Object) (n int) {
	t.Helper()
	pythontest.With(t, func(gil.Token) {}) // giving the GIL back drops what is queued
	pythontest.With(t, func(tok gil.Token) {
		sys, err := pythontest.Runtime().Import(tok, "sys")
		require.NoError(t, err)
		defer sys.Release()
		count, err := sys.CallMethod(tok, "getrefcount", o)
		require.NoError(t, err)
		defer count.Release()
		n, err = pybridge.As[int](tok, count)
		require.NoError(t, err)
	})
	return n
}
