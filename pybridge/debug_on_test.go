//go:build pydebug

package pybridge_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/cleanup"
	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/internal/pythontest"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

func leakHere(t *testing.T, tok gil.Token) *pybridge.Object {
	o, err := pybridge.ToPython(tok, "here")
	require.NoError(t, err)
	return o
}

func leakThere(t *testing.T, tok gil.Token) *pybridge.Object {
	o, err := pybridge.ToPython(tok, "there")
	require.NoError(t, err)
	return o
}

// References of one name are told apart by the stacks that made them.
func TestLeaksTellWhoMadeThem(t *testing.T) {
	pythontest.With(t, func(tok gil.Token) {
		for _, o := range []*pybridge.Object{leakHere(t, tok), leakThere(t, tok)} {
			defer o.Release()
		}
		leaks := pybridge.Leaks()
		assert.True(t, anyStack(leaks, "pybridge_test.leakHere"))
		assert.True(t, anyStack(leaks, "pybridge_test.leakThere"))
	})
	assert.False(t, anyStack(pybridge.Leaks(), "pybridge_test.leak"), "released")
}

func anyStack(leaks []cleanup.Leak, function string) bool {
	for _, l := range leaks {
		if strings.Contains(l.Stack, function) {
			return true
		}
	}
	return false
}

func init() {
	pythontest.Register("write past the end", running(func(ctx context.Context, rt *pybridge.Runtime) error {
		return statements(ctx, rt, `
import ctypes, sys
data = b"x" * 5000
ctypes.memset(id(data) + sys.getsizeof(data), 7, 1)
del data
`)
	}))
}

// An isolated interpreter looks at no variable; here its debug allocator is asked for all the same.
func TestDebugAllocatorSeesAWritePastTheEnd(t *testing.T) {
	_, stderr, code := pythontest.Script(t, "write past the end", "PYTHONMALLOC=debug")
	assert.NotZero(t, code)
	assert.Contains(t, stderr, "Debug memory block")
	assert.Contains(t, stderr, "bad trailing pad byte")
}

func TestUnknownAllocatorIsRefused(t *testing.T) {
	_, stderr, code := pythontest.Script(t, "write past the end", "PYTHONMALLOC=best")
	assert.NotZero(t, code)
	assert.Contains(t, stderr, "PYTHONMALLOC=best: there is no such allocator")
}
