package pythontest

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
)

// StackEnds gives the environment in which a program's first thread has a stack that stops growing about so many
// bytes below where it starts, as a mapping, which can be read or not, lies there. It skips the test where there is
// no C compiler.
func StackEnds(t testing.TB, below int, readable bool) []string {
	t.Helper()
	gcc, err := exec.LookPath("gcc")
	if err != nil {
		t.Skipf("no C compiler: %v", err)
	}
	_, self, _, _ := runtime.Caller(0)
	source := filepath.Join(filepath.Dir(self), "..", "cpython", "testdata", "stack", "ends.c")
	library := filepath.Join(t.TempDir(), "ends.so")
	if out, err := exec.Command(gcc, "-shared", "-fPIC", "-o", library, source).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	kind := "n"
	if readable {
		kind = "r"
	}
	return []string{"LD_PRELOAD=" + library, fmt.Sprintf("GOPYRPC_TEST_STACK_ENDS=%d%s", below, kind)}
}
