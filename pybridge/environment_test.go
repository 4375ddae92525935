package pybridge_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/internal/pythontest"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

func init() {
	program := func(source string, opts func() []pybridge.Option) func() int {
		return script(func(ctx context.Context) error {
			rt, err := pybridge.Start(ctx, opts()...)
			if err != nil {
				return err
			}
			defer rt.Close(ctx)
			return statements(ctx, rt, source)
		})
	}
	none := func() []pybridge.Option { return nil }
	pythontest.Register("environment", program(`
import sys, json, locale
print(sys.executable, sys.argv, sys.flags.isolated, sys.flags.utf8_mode, sys.stdout.encoding, hasattr(json, "planted"))
print(open(sys.executable, "rb").read(4), "grün 🐍")
`, none))
	pythontest.Register("virtual environment", program("import sys, planted\nprint(sys.prefix, planted.value)\n", func() []pybridge.Option {
		return []pybridge.Option{pybridge.WithPython(os.Getenv("TEST_PYTHON"))}
	}))
	pythontest.Register("options", program("import sys, first\nprint(sys.argv, sys.path[0], sys.path[1], sys.getswitchinterval(), first.where)\n", func() []pybridge.Option {
		return []pybridge.Option{
			pybridge.WithArgv("prog", "grün", "--x"), pybridge.WithPath(os.Getenv("TEST_DIR")), pybridge.WithPath("/second"), pybridge.WithSwitchInterval(1e6),
		}
	}))
	pythontest.Register("preload", running(func(ctx context.Context, rt *pybridge.Runtime) error {
		if err := rt.Preload(ctx, "json.tool"); err != nil {
			return err
		}
		return statements(ctx, rt, `
import sys, threading, where_am_i
print(where_am_i.on_main, "json.tool" in sys.modules, threading.current_thread() is threading.main_thread())
`)
	}, pybridge.WithPath(os.Getenv("TEST_DIR")), pybridge.WithPreload("where_am_i")))
	pythontest.Register("on owner", running(func(ctx context.Context, rt *pybridge.Runtime) error {
		for _, f := range []func(){func() {}, func() { panic("boom") }, runtime.Goexit, func() {}} {
			fmt.Println(rt.OnOwner(ctx, func(tok gil.Token) error {
				f()
				return callBuiltin(rt, tok, "print", "on the owner")
			}))
		}
		return nil
	}))
}

// callBuiltin calls and forgets the result.
func callBuiltin(rt *pybridge.Runtime, tok gil.Token, name string, args ...any) error {
	builtins, err := rt.Import(tok, "builtins")
	if err != nil {
		return err
	}
	defer builtins.Release()
	o, err := builtins.CallMethod(tok, name, args...)
	o.Release()
	return err
}

func TestHostileEnvironmentIsIgnored(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "json.py"), []byte("planted = 1"), 0o600))
	executable, _, _ := pythontest.Runtime().Interpreter()
	out := runs(t, "environment", "PYTHONPATH="+dir, "PYTHONHOME="+dir, "PYTHONSTARTUP="+dir, "LC_ALL=C", "LANG=C", "PYTHONIOENCODING=ascii", "PYTHONUTF8=0", "GOPYRPC_PYTHON="+executable)
	assert.Equal(t, executable+" [''] 1 1 utf-8 False\nb'\\x7fELF' grün 🐍\n", out)
}

func TestVirtualEnvironment(t *testing.T) {
	executable, _, _ := pythontest.Runtime().Interpreter()
	dir := filepath.Join(t.TempDir(), "venv")
	out, err := exec.Command(executable, "-m", "venv", "--without-pip", dir).CombinedOutput()
	if err != nil && strings.Contains(string(out), "ensurepip") {
		t.Skipf("this Python has no venv: %s", out)
	}
	require.NoError(t, err, string(out))
	site, err := filepath.Glob(filepath.Join(dir, "lib", "python3.*", "site-packages"))
	require.NoError(t, err)
	require.Len(t, site, 1)
	require.NoError(t, os.WriteFile(filepath.Join(site[0], "planted.py"), []byte("value = 'from the venv'"), 0o600))
	want := dir + " from the venv\n"
	assert.Equal(t, want, runs(t, "virtual environment", "TEST_PYTHON="+filepath.Join(dir, "bin", "python")))
	assert.Equal(t, want, runs(t, "virtual environment", "TEST_PYTHON=", "GOPYRPC_PYTHON=", "VIRTUAL_ENV="+dir))
}

func TestOptionsReachPython(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "first.py"), []byte("where = 'path'"), 0o600))
	assert.Equal(t, "['prog', 'grün', '--x'] "+dir+" /second 0.001 path\n", runs(t, "options", "TEST_DIR="+dir))
}

func TestPreloadRunsOnMainThread(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "where_am_i.py"),
		[]byte("import threading\non_main = threading.main_thread() is threading.current_thread()\n"), 0o600))
	assert.Equal(t, "True True False\n", runs(t, "preload", "TEST_DIR="+dir))
}

func TestOwnerSurvivesPanicAndGoexit(t *testing.T) {
	out := runs(t, "on owner")
	assert.Equal(t, 2, strings.Count(out, "<nil>\n"))
	assert.Contains(t, out, "panic: boom\n")
	assert.Contains(t, out, "runtime.Goexit")
	assert.Equal(t, 2, strings.Count(out, "on the owner\n"))
}

func TestDiagnoseFindsNoProblems(t *testing.T) {
	d, err := pythontest.Runtime().Diagnose(t.Context())
	require.NoError(t, err)
	assert.Empty(t, d.Problems)
	executable, library, _ := pythontest.Runtime().Interpreter()
	assert.Equal(t, executable, d.Executable)
	assert.Equal(t, library, d.Library)
	assert.Equal(t, executable, d.Python["executable"])
	assert.True(t, strings.HasPrefix(d.Version, pythontest.Runtime().Version().String()))
}

// TestLibraryIsGlobal: extension modules are linked against nothing, and find the C-API in the process.
func TestLibraryIsGlobal(t *testing.T) {
	pythontest.With(t, func(tok gil.Token) {
		found := pythontest.Eval(t, tok, "all(hasattr(__import__('ctypes').CDLL(None), f) for f in ('PyLong_FromLong', 'PyGILState_Ensure'))")
		assert.True(t, as[bool](t, tok, found))
	})
}

// TestThreadingIsTheOwners: whichever thread imports threading first is the main one to it, so the owner does, before
// any worker can.
func TestThreadingIsTheOwners(t *testing.T) {
	const isMain = "__import__('threading').main_thread() is __import__('threading').current_thread()"
	pythontest.With(t, func(tok gil.Token) { assert.False(t, as[bool](t, tok, pythontest.Eval(t, tok, isMain))) })
	err := pythontest.Runtime().OnOwner(t.Context(), func(tok gil.Token) error {
		assert.True(t, as[bool](t, tok, pythontest.Eval(t, tok, isMain)))
		return nil
	})
	assert.NoError(t, err)
}
