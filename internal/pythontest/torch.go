package pythontest

import (
	"os/exec"
	"strings"
	"sync"
	"testing"
)

// tensorPipe is empty where torch's RPC can run, else the last line that says why not. A process of its
// own imports torch: the tests' own must not have it unless they say so.
var tensorPipe = sync.OnceValue(func() string {
	python, _, _ := Runtime().Interpreter()
	out, err := exec.Command(python, "-c", "import torch.distributed.rpc as r; r.TensorPipeRpcBackendOptions()").CombinedOutput()
	if err == nil {
		return ""
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	return lines[len(lines)-1]
})

// NeedTensorPipe skips the test where torch's RPC agent cannot run: without torch, or with one that is built
// without TensorPipe, as Debian's is from 2.14 on.
func NeedTensorPipe(t testing.TB) {
	t.Helper()
	if why := tensorPipe(); why != "" {
		t.Skipf("PyTorch for %s has no RPC agent: %s", Runtime().Version(), why)
	}
}
