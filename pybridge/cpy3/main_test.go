//go:build cpy3

package cpy3_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/internal/pytest"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

func TestMain(m *testing.M) { pytest.Main(m) }

// fresh gives an object that nobody else refers to.
func fresh(t *testing.T) (o *pybridge.Object) {
	t.Helper()
	pytest.With(t, func(tok gil.Token) { o = pytest.Eval(t, tok, "type('Fresh', (), {})()") })
	return o
}

// refcount is sys.getrefcount, after everything that was released has been dropped.
func refcount(t *testing.T, o *pybridge.Object) (n int) {
	t.Helper()
	pytest.With(t, func(gil.Token) {}) // giving the GIL back drops what is queued
	pytest.With(t, func(tok gil.Token) {
		sys, err := pytest.Runtime().Import(tok, "sys")
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
