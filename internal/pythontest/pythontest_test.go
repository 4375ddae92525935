package pythontest_test

import (
	"context"
	"fmt"
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/internal/gate"
	"github.com/gopyrpc/gopyrpc/internal/pythontest"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

func TestMain(m *testing.M) { pythontest.Main(m) }

func init() {
	pythontest.Register("speak", func() int {
		fmt.Print(gate.Process.State())
		fmt.Fprint(os.Stderr, os.Getenv("SPEAK"))
		return 7
	})
	pythontest.Register("die", func() int {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	})
	pythontest.Register("start", func() int {
		rt, err := pybridge.Start(context.Background())
		if err == nil {
			err = rt.Close(context.Background())
		}
		fmt.Print(err)
		return 0
	})
}

func TestWithHoldsGIL(t *testing.T) {
	pythontest.With(t, func(tok gil.Token) {
		assert.True(t, gil.Held())
		text, err := pythontest.Eval(t, tok, "6 * 7").Str(tok)
		require.NoError(t, err)
		assert.Equal(t, "42", text)
	})
	assert.False(t, gil.Held())
}

func TestDefineGivesGlobal(t *testing.T) {
	pythontest.With(t, func(tok gil.Token) {
		double := pythontest.Define(t, tok, "def double(x):\n    return x + x\n", "double")
		result, err := double.Call(tok, 21)
		require.NoError(t, err)
		defer result.Release()
		n, err := pybridge.As[int](tok, result)
		require.NoError(t, err)
		assert.Equal(t, 42, n)
	})
}

func TestScriptRunsInFreshProcess(t *testing.T) {
	stdout, stderr, code := pythontest.Script(t, "speak", "SPEAK=hello")
	assert.Equal(t, "new", stdout, "Python was started before the script")
	assert.Equal(t, "hello", stderr)
	assert.Equal(t, 7, code)
}

func TestScriptReportsSignal(t *testing.T) {
	_, _, code := pythontest.Script(t, "die")
	assert.Equal(t, 128+int(syscall.SIGKILL), code)
}

func TestScriptCanStartPython(t *testing.T) {
	stdout, stderr, code := pythontest.Script(t, "start")
	assert.Equal(t, 0, code, stderr)
	assert.Equal(t, "<nil>", stdout)
}
