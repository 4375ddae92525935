package pybridge_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/internal/pythontest"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// failure is a start that cannot succeed; dir is a folder of the test's.
type failure struct {
	options func(dir string) []pybridge.Option
	env     func(dir string) []string
	reason  string
}

func option(f func(dir string) pybridge.Option) func(string) []pybridge.Option {
	return func(dir string) []pybridge.Option { return []pybridge.Option{f(dir)} }
}

func python(name string) func(string) []pybridge.Option {
	return option(func(dir string) pybridge.Option { return pybridge.WithPython(filepath.Join(dir, name)) })
}

func library(name string) func(string) []pybridge.Option {
	return option(func(dir string) pybridge.Option { return pybridge.WithLibrary(filepath.Join(dir, name)) })
}

func preloading(modules ...string) func(string) []pybridge.Option {
	return func(dir string) []pybridge.Option {
		return []pybridge.Option{pybridge.WithPath(dir), pybridge.WithPreload(modules...)}
	}
}

func noOptions(string) []pybridge.Option { return nil }

// notFound fail before a library is loaded.
var notFound = map[string]failure{
	"no such file":            {options: python("nowhere"), reason: "nowhere"},
	"no python":               {options: python("program"), reason: "program does not answer as a python interpreter"},
	"not executable":          {options: python("text"), reason: "text is not executable"},
	"a folder":                {options: python("."), reason: "is a directory"},
	"no such library":         {options: library("libpython3.so"), reason: "libpython3.so"},
	"not a library":           {options: library("text"), reason: "text"},
	"named by the variable":   {options: noOptions, env: func(string) []string { return []string{"GOPYRPC_PYTHON=/not/there"} }, reason: "/not/there (named by GOPYRPC_PYTHON)"},
	"a broken virtual folder": {options: noOptions, env: func(dir string) []string { return []string{"GOPYRPC_PYTHON=", "VIRTUAL_ENV=" + dir} }, reason: "VIRTUAL_ENV"},
	"nothing on PATH":         {options: noOptions, env: func(dir string) []string { return []string{"GOPYRPC_PYTHON=", "VIRTUAL_ENV=", "PATH=" + dir} }, reason: "no python interpreter"},
}

// final fail when the library is there.
var final = map[string]failure{
	"bad home":         {options: option(func(dir string) pybridge.Option { return pybridge.WithHome(dir) }), reason: "did not initialise: "},
	"corrupt library":  {options: option(func(dir string) pybridge.Option { return pybridge.WithHome(filepath.Join(dir, "corrupt")) }), reason: "RuntimeError: corrupt"},
	"exiting site":     {options: python("venv/bin/python"), reason: "SystemExit: 3"},
	"missing preload":  {options: preloading("json", "is_not_there"), reason: "preload is_not_there: ModuleNotFoundError: No module named 'is_not_there'"},
	"raising preload":  {options: preloading("broken_module"), reason: "preload broken_module: ZeroDivisionError"},
	"exiting preload":  {options: preloading("exiting_module"), reason: "SystemExit: 3"},
	"unfit for Python": {options: preloading("unfit_module"), reason: "SyntaxError"},
}

func init() {
	for name, f := range notFound {
		pythontest.Register("not found: "+name, func() int { return startTwice(f, os.Getenv("TEST_GOOD")) })
	}
	for name, f := range final {
		pythontest.Register("failed start: "+name, func() int { return failForGood(f) })
	}
	pythontest.Register("not found in time", func() int {
		ctx, cancel := context.WithCancel(context.Background())
		go func() {
			defer cancel()
			_, _ = os.ReadFile(filepath.Join(os.Getenv("TEST_DIR"), "fifo")) // returns when the program runs
		}()
		_, err := pybridge.Start(ctx, pybridge.WithPython(filepath.Join(os.Getenv("TEST_DIR"), "slow")))
		fmt.Println(errors.Is(err, context.Canceled), errors.Is(err, pybridge.ErrNoPython))
		return startsWell(context.Background(), os.Getenv("TEST_GOOD"))
	})
	pythontest.Register("others meanwhile", othersMeanwhile)
}

// failAtOnce starts on several goroutines, which all have to have the same reason.
func failAtOnce(ctx context.Context, f failure) error {
	var wg sync.WaitGroup
	errs := make([]error, 4)
	for i := range errs {
		wg.Go(func() { _, errs[i] = pybridge.Start(ctx, f.options(os.Getenv("TEST_DIR"))...) })
	}
	wg.Wait()
	for _, err := range errs {
		if fmt.Sprint(err) != fmt.Sprint(errs[0]) {
			fmt.Println("another reason:", err)
		}
	}
	return errs[0]
}

// startTwice fails, and starts then.
func startTwice(f failure, good string) int {
	ctx := context.Background()
	err := failAtOnce(ctx, f)
	fmt.Println(err)
	fmt.Println(errors.Is(err, pybridge.ErrNoPython), errors.Is(entry(ctx), pybridge.ErrNotStarted), gil.Stats().State)
	return startsWell(ctx, good)
}

// startsWell starts, works, and closes.
func startsWell(ctx context.Context, good string) int {
	rt, err := pybridge.Start(ctx, pybridge.WithPython(good))
	if err == nil {
		err = errors.Join(statements(ctx, rt, "import json"), rt.Close(ctx))
	}
	fmt.Println(err)
	return 7
}

// failForGood fails, and goes on as a program without Python.
func failForGood(f failure) int {
	ctx := context.Background()
	err := failAtOnce(ctx, f)
	fmt.Println(err)
	again := failAtOnce(ctx, f)
	_, other := pybridge.Start(ctx)
	fmt.Println(errors.Is(err, pybridge.ErrFailed), errors.Is(again, pybridge.ErrFailed), errors.Is(other, pybridge.ErrFailed),
		errors.Is(entry(ctx), pybridge.ErrFailed), gil.Stats().State)
	out, err := exec.Command("/bin/sh", "-c", "echo goes on").Output()
	fmt.Print(string(out), err, "\n")
	return 7
}

// othersMeanwhile starts with many kinds of options at once: those that find a Python have it in common,
// whatever the others do.
func othersMeanwhile() int {
	ctx, good := context.Background(), os.Getenv("TEST_GOOD")
	var wg sync.WaitGroup
	var mu sync.Mutex
	seen, handles := map[string]bool{}, []*pybridge.Runtime{}
	for i := range 24 {
		opts := []pybridge.Option{pybridge.WithPython(good)}
		if i%3 > 0 {
			opts = []pybridge.Option{pybridge.WithPython(fmt.Sprintf("/not/there/%d", i%3))}
		}
		wg.Go(func() {
			rt, err := pybridge.Start(ctx, opts...)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				handles = append(handles, rt)
			case i%3 == 0:
				seen["a good start: "+err.Error()] = true
			case !errors.Is(err, pybridge.ErrNoPython) && !errors.Is(err, pybridge.ErrAlreadyStarted):
				seen["a bad start: "+err.Error()] = true
			}
		})
	}
	wg.Wait()
	for _, rt := range handles {
		seen[fmt.Sprint(rt.Close(ctx))] = true
	}
	fmt.Println(len(handles), seen)
	return 7
}

// badPlaces is a folder with what the failures name.
func badPlaces(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	write := func(name, text string, mode os.FileMode) {
		file := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o700))
		require.NoError(t, os.WriteFile(file, []byte(text), mode))
	}
	write("text", "no library", 0o600)
	write("program", "#!/bin/sh\necho no python\n", 0o700)
	write("broken_module.py", "def f(): 1/0\nf()\n", 0o600)
	write("exiting_module.py", "raise SystemExit(3)\n", 0o600)
	write("unfit_module.py", "def (:\n", 0o600)
	lib := fmt.Sprintf("lib/python3.%d/", pythontest.Runtime().Version().Minor)
	write("corrupt/"+lib+"encodings/__init__.py", "raise RuntimeError('corrupt')\n", 0o600)

	executable, _, _ := pythontest.Runtime().Interpreter()
	real, err := filepath.EvalSymlinks(executable)
	require.NoError(t, err)
	write("venv/pyvenv.cfg", "home = "+filepath.Dir(real)+"\n", 0o600)
	write("venv/"+lib+"site-packages/exit.pth", "import sys; sys.exit(3)\n", 0o600)
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "venv/bin"), 0o700))
	require.NoError(t, os.Symlink(real, filepath.Join(dir, "venv/bin/python")))
	return dir
}

// TestStartThatFindsNothingCanBeRepeated: nothing was loaded, so nothing is lost.
func TestStartThatFindsNothingCanBeRepeated(t *testing.T) {
	dir := badPlaces(t)
	good, _, _ := pythontest.Runtime().Interpreter()
	for name, f := range notFound {
		t.Run(name, func(t *testing.T) {
			env := []string{"TEST_DIR=" + dir, "TEST_GOOD=" + good}
			if f.env != nil {
				env = append(env, f.env(t.TempDir())...)
			}
			stdout, stderr, code := pythontest.Script(t, "not found: "+name, env...)
			assert.Equal(t, 7, code, stderr)
			reason, rest, _ := strings.Cut(stdout, "\n")
			assert.Contains(t, reason, f.reason)
			assert.True(t, strings.HasPrefix(reason, "no python to start: "), reason)
			assert.Equal(t, "true true new\n<nil>\n", rest)
		})
	}
}

func TestStartThatRunsOutOfTimeCanBeRepeated(t *testing.T) {
	dir := t.TempDir()
	fifo := filepath.Join(dir, "fifo")
	require.NoError(t, exec.Command("mkfifo", fifo).Run())
	require.NoError(t, os.WriteFile(filepath.Join(dir, "slow"), []byte("#!/bin/sh\necho > '"+fifo+"'; exec tail -f /dev/null\n"), 0o700))
	good, _, _ := pythontest.Runtime().Interpreter()
	stdout, stderr, code := pythontest.Script(t, "not found in time", "TEST_DIR="+dir, "TEST_GOOD="+good)
	assert.Equal(t, 7, code, stderr)
	assert.Equal(t, "true true\n<nil>\n", stdout)
}

func TestStartsThatFindNothingDoNotDisturbOthers(t *testing.T) {
	good, _, _ := pythontest.Runtime().Interpreter()
	stdout, stderr, code := pythontest.Script(t, "others meanwhile", "TEST_GOOD="+good)
	assert.Equal(t, 7, code, stderr)
	assert.Equal(t, "8 map[<nil>:true]\n", stdout)
}

// TestFailedStartsAreFinal: the library has been in use, which cannot be undone; the process goes on.
func TestFailedStartsAreFinal(t *testing.T) {
	dir := badPlaces(t)
	for name, f := range final {
		t.Run(name, func(t *testing.T) {
			stdout, stderr, code := pythontest.Script(t, "failed start: "+name, "TEST_DIR="+dir)
			assert.Equal(t, 7, code, stderr)
			reason, rest, _ := strings.Cut(stdout, "true true true true failed\n")
			assert.True(t, strings.HasPrefix(reason, "python failed to start, and cannot start again in this process: "), reason)
			assert.Contains(t, reason, f.reason)
			assert.Equal(t, "goes on\n<nil>\n", rest, reason)
		})
	}
}
