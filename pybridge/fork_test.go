package pybridge_test

import (
	"context"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/pyrpc/pyrpc/gil"
	"github.com/pyrpc/pyrpc/internal/pytest"
	"github.com/pyrpc/pyrpc/pybridge"
)

func init() {
	pytest.Register("fork", running(func(ctx context.Context, rt *pybridge.Runtime) error {
		return gil.With(ctx, func(tok gil.Token) error {
			f, err := pybridge.NewFunc(tok, ctx, "go", func(context.Context, []any, map[string]any) (any, error) { return "Go", nil })
			if err != nil {
				return err
			}
			defer f.Release()
			builtins, err := rt.Import(tok, "builtins")
			if err != nil {
				return err
			}
			defer builtins.Release()
			if err := builtins.SetAttr(tok, "go", f); err != nil {
				return err
			}
			return rt.RunMain(tok, os.Getenv(sourceVariable), "<script>")
		})
	}))
}

// A forked process has one thread, which is too few for Go: it may run Python and must not come back.
func TestForkedProcessEndsBeforeGo(t *testing.T) {
	for _, c := range []struct{ name, child, status, stderr string }{
		{"returns", "pass", "70", "a process that Python code forked came back into Go"},
		{"raises", "raise RuntimeError('in the child')", "70", "came back into Go"},
		{"ends in Python", "os._exit(7)", "7", ""},
		{"calls Go", "check_refused(); os._exit(8)", "8", ""},
		{"drops a Go function", "import builtins, gc; del builtins.go; gc.collect(); os._exit(9)", "9", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			source := `
import os
def check_refused():
    try:
        go()
    except RuntimeError as e:
        assert "forked" in str(e), e
    else:
        os._exit(1)
assert go() == "Go"
child = os.fork()
if child:
    status = os.waitpid(child, 0)[1]
    print(os.WEXITSTATUS(status) if os.WIFEXITED(status) else -os.WTERMSIG(status), go())
else:
    ` + c.child + "\n"
			stdout, stderr, code := pytest.Script(t, "fork", sourceVariable+"="+source)
			assert.Equal(t, 0, code, stderr)
			assert.Equal(t, c.status+" Go\n", stdout)
			assert.Contains(t, stderr, c.stderr)
		})
	}
}

func TestMultiprocessingForks(t *testing.T) {
	const source = `
import multiprocessing
process = multiprocessing.get_context("fork").Process(target=lambda: exit(5))
process.start()
process.join()
print(process.exitcode)
`
	stdout, stderr, code := pytest.Script(t, "fork", sourceVariable+"="+source)
	assert.Equal(t, 0, code, stderr)
	assert.Equal(t, "5\n", stdout)
}
