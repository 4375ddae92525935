package pycall_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/internal/cpython"
	"github.com/gopyrpc/gopyrpc/internal/pycall"
	"github.com/gopyrpc/gopyrpc/internal/pythontest"
)

func TestMain(m *testing.M) { pythontest.Main(m) }

var background = context.Background()

// function defines a Python function f for Bytes, which lives as long as the test.
func function(t *testing.T, source string) cpython.Ref {
	t.Helper()
	var fn cpython.Ref
	pythontest.With(t, func(tok gil.Token) {
		p, err := pythontest.Define(t, tok, source, "f").Pointer(tok)
		require.NoError(t, err)
		fn = cpython.Ref(p)
	})
	return fn
}

// callBytes is pycall.Bytes with its outcome as a result.
func callBytes(ctx context.Context, fn cpython.Ref, payload []byte, extra cpython.Ref) (out cpython.Outcome, err error) {
	err = pycall.Bytes(ctx, fn, payload, extra, &out)
	return out, err
}
