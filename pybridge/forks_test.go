package pybridge_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/internal/cpython"
	"github.com/gopyrpc/gopyrpc/internal/cpython/discover"
	"github.com/gopyrpc/gopyrpc/internal/pythontest"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// forks are Python expressions that fork.
var forks = []string{
	`os.fork()`, `os.forkpty()`, `posix.fork()`, `pty.fork()`, `pty.spawn("true")`,
	`multiprocessing.get_context("fork").Process(target=print).start()`,
	`concurrent.futures.ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("fork")).submit(print).result()`,
}

// spawns are Python expressions that make processes and do not fork, or not so that anybody sees it.
var spawns = []string{
	`subprocess.run(["sh", "-c", "exit 42"]).returncode`,
	`subprocess.run(["sh", "-c", "exit 42"], preexec_fn=lambda: None).returncode`,
	`os.waitstatus_to_exitcode(os.waitpid(os.posix_spawn("/bin/sh", ["sh", "-c", "exit 42"], {}), 0)[1])`,
	`os.spawnlp(os.P_WAIT, "sh", "sh", "-c", "exit 42")`,
	`os.waitstatus_to_exitcode(os.system("exit 42"))`,
	`int(os.popen("echo 42").read())`,
	`int(subprocess.check_output([sys.executable, "-c", "import math; print(42)"]))`,
	`pool(None)`, `pool("spawn")`, `pool("forkserver")`, `executor()`,
}

const forkImports = "import concurrent.futures, ctypes, multiprocessing, operator, os, posix, pty, signal, subprocess, sys\n"

const (
	evaluating = forkImports + `
def pool(method):
    with multiprocessing.get_context(method).Pool(1) as workers:
        return workers.apply(operator.mul, (6, 7))

def executor():
    with concurrent.futures.ProcessPoolExecutor(1) as workers:
        return workers.submit(operator.mul, 6, 7).result()

for source in sys.argv[1:]:
    try:
        print(eval(source))
    except Exception as exc:
        print("%s: %s" % (type(exc).__name__, exc))
`
	// Children that go wrong in their ways; the parent prints how each ended.
	children = forkImports + `
def of_c():
    return ctypes.PyDLL(None).fork()

def leaves():
    os._exit(3)

def returns():
    pass

def raises():
    raise ValueError("in a child")

def calls_go():
    try:
        function()
    except RuntimeError as exc:
        print(exc, flush=True)
    os._exit(4)

def crashes():
    ctypes.string_at(0)

def terminated():
    os.kill(os.getpid(), signal.SIGTERM)
    os._exit(5)

def child(fork, ends):
    pid = fork()
    if pid:
        print(ends.__name__, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
    else:
        ends()
`
)

func init() {
	pythontest.Register("forks refused", running(func(ctx context.Context, rt *pybridge.Runtime) error {
		return statements(ctx, rt, evaluating)
	}, pybridge.WithArgv(append([]string{""}, forks...)...)))
	pythontest.Register("spawns", running(func(ctx context.Context, rt *pybridge.Runtime) error {
		return statements(ctx, rt, evaluating+"print(multiprocessing.get_start_method() != 'fork')\n")
	}, pybridge.WithArgv(append([]string{""}, spawns...)...)))
	pythontest.Register("forks allowed", running(func(ctx context.Context, rt *pybridge.Runtime) error {
		return forkChildren(ctx, rt, "os.fork")
	}, pybridge.WithFork(true)))
	pythontest.Register("forks of C", running(func(ctx context.Context, rt *pybridge.Runtime) error {
		return forkChildren(ctx, rt, "of_c")
	}))
	pythontest.Register("multiprocessing forks", running(func(ctx context.Context, rt *pybridge.Runtime) error {
		return statements(ctx, rt, forkImports+`
context = multiprocessing.get_context("fork")
with context.Pool(2) as workers:
    print(workers.map(abs, [-1, -2]))
endless = context.Process(target=signal.pause)
endless.start()
endless.terminate()
endless.join()
print(endless.exitcode)
`)
	}, pybridge.WithFork(true)))
	pythontest.Register("forks of a host", script(asGuest))
}

func forkChildren(ctx context.Context, rt *pybridge.Runtime, fork string) error {
	for _, ends := range []string{"leaves", "returns", "raises", "calls_go", "crashes", "terminated"} {
		err := gil.With(ctx, func(tok gil.Token) error {
			function, err := pybridge.NewFunc(tok, ctx, "function", func(context.Context, []any, map[string]any) (any, error) { return "from Go", nil })
			if err != nil {
				return err
			}
			defer function.Release()
			builtins, err := rt.Import(tok, "builtins")
			if err != nil {
				return err
			}
			defer builtins.Release()
			if err := builtins.SetAttr(tok, "function", function); err != nil {
				return err
			}
			return rt.RunMain(tok, children+fmt.Sprintf("child(%s, %s)\n", fork, ends), "<script>")
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// asGuest comes to an interpreter that was there before.
func asGuest(ctx context.Context) error {
	found, err := discover.Find(ctx, discover.Options{})
	if err != nil {
		return err
	}
	runtime.LockOSThread()
	err = errors.Join(cpython.Load(found.Library), cpython.Initialize(cpython.Config{Minor: found.Minor, ProgramName: found.Executable, Argv: []string{""}}))
	if err != nil {
		return err
	}
	cpython.AttachToRunning()
	if err := cpython.Attach(0); err != nil {
		return err
	}
	_, err = cpython.Import("threading")
	if err := errors.Join(err, cpython.Detach()); err != nil {
		return err
	}
	rt, err := pybridge.Start(ctx)
	if err != nil {
		return err
	}
	return errors.Join(statements(ctx, rt, children+"child(os.fork, leaves)\n"), rt.Close(ctx))
}

func TestForkIsRefused(t *testing.T) {
	printed := strings.Split(strings.TrimSpace(runs(t, "forks refused")), "\n")
	require.Len(t, printed, len(forks))
	for i, line := range printed {
		assert.Regexp(t, `^RuntimeError: os\.fork(pty)?\(\) is not possible .* subprocess, .* 'spawn'$`, line, forks[i])
	}
}

func TestProcessesAreSpawned(t *testing.T) {
	printed := strings.Split(strings.TrimSpace(runs(t, "spawns")), "\n")
	require.Len(t, printed, len(spawns)+1)
	for i, line := range printed[:len(spawns)] {
		assert.Equal(t, "42", line, spawns[i])
	}
	assert.Equal(t, "True", printed[len(spawns)], "the default start method is not fork")
}

// TestChildrenDoNotReturnToGo: where Go would hang, the child ends, whatever code forked.
func TestChildrenDoNotReturnToGo(t *testing.T) {
	for _, name := range []string{"forks allowed", "forks of C"} {
		t.Run(name, func(t *testing.T) {
			stdout, stderr, code := pythontest.Script(t, name)
			require.Equal(t, 0, code, stderr)
			assert.Equal(t, `leaves 3
returns 70
raises 70
a Go function cannot be called in a child of fork: Go does not run there
calls_go 4
crashes -11
terminated -15
`, stdout)
			assert.Equal(t, 2, strings.Count(stderr, "a child of fork ended as it was about to return to Go"), stderr)
		})
	}
}

func TestMultiprocessingForksWhereAllowed(t *testing.T) {
	assert.Equal(t, "[1, 2]\n-15\n", runs(t, "multiprocessing forks"))
}

// TestForksOfHostAreTheHosts: in an interpreter that somebody else started, nothing is refused.
func TestForksOfHostAreTheHosts(t *testing.T) {
	assert.Equal(t, "leaves 3\n", runs(t, "forks of a host"))
}
