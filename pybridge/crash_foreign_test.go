package pybridge_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/internal/pythontest"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// trapSource is a C library with handlers of faults, each as there are in the world. trap() faults and
// gives 7 if it was handled.
const trapSource = `
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

static struct sigaction previous;
static sigjmp_buf back;
static volatile int *page;

static void jumps(int sig, siginfo_t *info, void *context) { siglongjmp(back, 1); }
static void mends(int sig, siginfo_t *info, void *context) { mprotect((void *)page, 4096, PROT_READ | PROT_WRITE); }
static void chains(int sig, siginfo_t *info, void *context) { previous.sa_sigaction(sig, info, context); }
static void resets(int sig, siginfo_t *info, void *context) { signal(sig, SIG_DFL); }
static void raises(int sig, siginfo_t *info, void *context) { sigaction(sig, &previous, NULL); raise(sig); }
static void returns(int sig, siginfo_t *info, void *context) {}

void install(const char *name) {
	struct { const char *name; void (*handler)(int, siginfo_t *, void *); } all[] = {
		{"jumps", jumps}, {"mends", mends}, {"chains", chains}, {"resets", resets}, {"raises", raises}, {"returns", returns}};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		if (strcmp(all[i].name, name)) continue;
		struct sigaction a = {.sa_sigaction = all[i].handler, .sa_flags = SA_SIGINFO | SA_NODEFER};
		sigaction(SIGSEGV, &a, &previous);
	}
}

int trap(void) {
	page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (sigsetjmp(back, 1)) return 7;
	*page = 7;
	return *page;
}
`

const (
	trapVariable    = "TEST_TRAP"
	handlerVariable = "TEST_HANDLER"
)

func init() {
	pythontest.Register("foreign handler", running(func(ctx context.Context, rt *pybridge.Runtime) error {
		return gil.With(ctx, func(tok gil.Token) error {
			library := fmt.Sprintf("import ctypes\nlib = ctypes.CDLL(%q)\n", os.Getenv(trapVariable))
			err := rt.RunMain(tok, library+fmt.Sprintf("lib.install(b%q)", os.Getenv(handlerVariable)), "<install>")
			decimal, importErr := rt.Import(tok, "decimal") // an import has the signals looked at
			if err := errors.Join(err, importErr); err != nil {
				return err
			}
			decimal.Release()
			faults("go")
			for range 3 {
				err = errors.Join(err, rt.RunMain(tok, library+"def my_udf(): print(lib.trap(), flush=True)\nmy_udf()", "<script>"))
			}
			faults("go")
			return err
		})
	}))
}

// trapLibrary compiles trapSource, or skips the test where there is no compiler.
func trapLibrary(t *testing.T) string {
	t.Helper()
	gcc, err := exec.LookPath("gcc")
	if err != nil {
		t.Skipf("no C compiler: %v", err)
	}
	dir := t.TempDir()
	source, library := filepath.Join(dir, "trap.c"), filepath.Join(dir, "trap.so")
	require.NoError(t, os.WriteFile(source, []byte(trapSource), 0o600))
	out, err := exec.Command(gcc, "-shared", "-fPIC", "-o", library, source).CombinedOutput()
	require.NoError(t, err, string(out))
	return library
}

// TestForeignHandlersStillHandle: some runtimes live by faults in code of theirs.
func TestForeignHandlersStillHandle(t *testing.T) {
	library := trapLibrary(t)
	for _, handler := range []string{"jumps", "mends"} {
		t.Run(handler, func(t *testing.T) {
			stdout, stderr, code := pythontest.Script(t, "foreign handler", trapVariable+"="+library, handlerVariable+"="+handler)
			assert.Equal(t, 0, code, stderr)
			assert.Equal(t, "go true\n7\n7\n7\ngo true\n", stdout)
			assert.Empty(t, stderr)
		})
	}
}

// TestForeignHandlersThatDoNot leave the crash to us, in each way that there is.
func TestForeignHandlersThatDoNot(t *testing.T) {
	library := trapLibrary(t)
	for _, handler := range []string{"chains", "resets", "raises", "returns"} {
		t.Run(handler, func(t *testing.T) {
			stdout, stderr, code := pythontest.Script(t, "foreign handler", trapVariable+"="+library, handlerVariable+"="+handler)
			assert.Contains(t, []int{2, 128 + int(syscall.SIGSEGV)}, code, stderr)
			assert.Equal(t, "go true\n", stdout)
			assert.Contains(t, stackOf(t, stderr), " in my_udf\n")
			assert.Contains(t, stderr, "signal arrived during cgo execution", "Go's own report")
		})
	}
}
