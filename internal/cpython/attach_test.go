package cpython_test

import (
	"context"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/internal/cpython/discover"
	"github.com/gopyrpc/gopyrpc/internal/interpreters"
)

// guest builds the library that Python loads, or skips where there is no Go to build it with.
func guest(t *testing.T) string {
	t.Helper()
	tool, err := exec.LookPath("go")
	if err != nil {
		t.Skipf("no go command: %v", err)
	}
	library := filepath.Join(t.TempDir(), "attach.so")
	out, err := exec.Command(tool, "build", "-buildmode=c-shared", "-o", library, "./testdata/attach").CombinedOutput()
	require.NoError(t, err, string(out))
	return library
}

// python runs a program in an interpreter that is nobody's guest, with the library's path as argument.
func python(t *testing.T, executable, program, library string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, executable, "-I", "-X", "faulthandler", "-c", program, library).CombinedOutput()
	return string(out), err
}

const (
	load   = "import ctypes, sys\nlib = ctypes.CDLL(sys.argv[1])\n"
	goesOn = "import threading, json\nt = threading.Thread(target=lambda: print(json.dumps([1, 2])))\nt.start(); t.join()\n"
)

func TestAttachToRunningPython(t *testing.T) {
	library := guest(t)
	programs := map[string]string{
		"and leave":         load + "assert lib.attach() == 0\nassert lib.leave() == 0\n" + goesOn,
		"with the GIL":      "import ctypes, sys\nwith_gil = ctypes.PyDLL(sys.argv[1])\nassert with_gil.attach() == 1\n" + load + "assert lib.attach() == 0\nassert lib.leave() == 0\n" + goesOn,
		"and stay":          load + "assert lib.attach() == 0\n" + goesOn,
		"from a thread":     load + "import threading\nr = []\nt = threading.Thread(target=lambda: r.append((lib.attach(), lib.leave())))\nt.start(); t.join()\nassert r == [(0, 0)], r\n" + goesOn,
		"work while inside": load + "import threading\nthreads = [threading.Thread(target=lambda: sum(range(100000))) for _ in range(8)]\nfor t in threads: t.start()\nassert lib.attach() == 0\nfor t in threads: t.join()\nassert lib.leave() == 0\n" + goesOn,
	}
	interpreters.Each(t, func(t *testing.T, found discover.Interpreter) {
		for name, program := range programs {
			t.Run(name, func(t *testing.T) {
				out, err := python(t, found.Executable, program, library)
				assert.NoError(t, err, out)
				if name == "with the GIL" {
					refusal, rest, _ := strings.Cut(out, "\n")
					assert.Contains(t, refusal, "ctypes.CDLL")
					out = rest
				}
				assert.Equal(t, "[1, 2]\n", out)
			})
		}
	})
}

// TestHostEndsWithoutLeaving: a program that ends while Go comes and goes ends as it would without Go. A child that it
// forked, in which Go does not run, ends as well.
func TestHostEndsWithoutLeaving(t *testing.T) {
	library := guest(t)
	const busy = load + "assert lib.attach() == 0\nlib.busy()\n"
	interpreters.Each(t, func(t *testing.T, found discover.Interpreter) {
		for name, c := range map[string]struct {
			program, out string
			status       int
		}{
			"at its end": {busy + "print('over')\n", "over\n", 0},
			"by exit":    {busy + "sys.exit(3)\n", "", 3},
			"after a fork": {busy + "import os, warnings\nwarnings.simplefilter('ignore')\npid = os.fork()\n" +
				"if pid: print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))\n", "0\n", 0},
			"and calls Go at exit": {load + "import atexit\natexit.register(lambda: print(lib.attach()))\n" +
				"assert lib.attach() == 0\nlib.busy()\n", "1\n", 0},
		} {
			t.Run(name, func(t *testing.T) {
				for range 3 {
					out, err := python(t, found.Executable, c.program, library)
					var exit *exec.ExitError
					if c.status == 0 {
						require.NoError(t, err, out)
					} else {
						require.ErrorAs(t, err, &exit, out)
						require.Equal(t, c.status, exit.ExitCode(), out)
					}
					if name != "and calls Go at exit" {
						require.Equal(t, c.out, out)
					} else {
						require.Contains(t, out, c.out) // and why it was refused
					}
				}
			})
		}
	})
}
