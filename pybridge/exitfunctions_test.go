package pybridge_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/internal/pythontest"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// closeVariable is how long Close of "exit functions" may take.
const closeVariable = "GOPYRPC_TEST_CLOSE"

func init() {
	for _, policy := range []pybridge.FinalizePolicy{pybridge.FinalizeNever, pybridge.FinalizeFull} {
		pythontest.Register(fmt.Sprintf("exit functions, %s", policy), script(func(ctx context.Context) error {
			rt, err := pybridge.Start(ctx, pybridge.WithFinalize(policy))
			if err != nil {
				return err
			}
			err = statements(ctx, rt, os.Getenv(sourceVariable))
			limit, parseErr := time.ParseDuration(os.Getenv(closeVariable))
			closing, cancel := context.WithTimeout(ctx, limit)
			defer cancel()
			return errors.Join(err, parseErr, rt.Close(closing))
		}))
	}
}

// exits runs statements and Close in a process.
func exits(t *testing.T, policy pybridge.FinalizePolicy, limit time.Duration, source string) (stdout, stderr string, code int) {
	t.Helper()
	return pythontest.Script(t, fmt.Sprintf("exit functions, %s", policy), sourceVariable+"="+source, closeVariable+"="+limit.String())
}

// plenty is what no Close may need that has nothing to wait for; it would be an error then.
const plenty = time.Minute

// TestThreadExits: what was registered with threading comes first, the last one first, once, whatever the others do.
func TestThreadExits(t *testing.T) {
	const source = `
import atexit, threading
def raises(): raise ValueError("of the hook")
atexit.register(print, "atexit")
for f in (lambda: print("first"), raises, lambda: print("last")): threading._register_atexit(f)
`
	for _, policy := range []pybridge.FinalizePolicy{pybridge.FinalizeNever, pybridge.FinalizeFull} {
		stdout, stderr, code := exits(t, policy, plenty, source)
		assert.Equal(t, "last\nfirst\natexit\n", stdout, policy)
		assert.Contains(t, stderr, "of the hook")
		assert.Equal(t, 1, code)
	}
}

// TestThreadExits_pools: executors that nobody shut down do what they were given, and leave no process.
func TestThreadExits_pools(t *testing.T) {
	for name, source := range map[string]string{
		"threads": `
import concurrent.futures as cf, time
pool = cf.ThreadPoolExecutor(1)
for i in range(3): pool.submit(lambda i=i: (time.sleep(0.05), print("done", i)))
`,
		"processes": `
import concurrent.futures as cf, math
pool = cf.ProcessPoolExecutor(2)
assert pool.submit(math.sqrt, 4).result() == 2
for p in pool._processes.values(): print("pid", p.pid)
print("done 2")
`,
		"joblib": `
try: import joblib, math
except ImportError: print("skip")
else:
    assert joblib.Parallel(n_jobs=2)(joblib.delayed(math.sqrt)(i) for i in (4, 9)) == [2, 3]
    from joblib.externals.loky import reusable_executor
    for p in reusable_executor._executor._processes.values(): print("pid", p.pid)
    print("done 2")
`,
	} {
		t.Run(name, func(t *testing.T) {
			stdout, stderr, code := exits(t, pybridge.FinalizeNever, plenty, source)
			if stdout == "skip\n" {
				t.Skip("joblib is not installed for this Python")
			}
			assert.Equal(t, 0, code, stderr)
			assert.Contains(t, stdout, "done 2\n")
			assertEnded(t, stdout)
		})
	}
}

// TestThreadExits_processes: processes that a program leaves running are ended when the time is over, and named.
func TestThreadExits_processes(t *testing.T) {
	stdout, stderr, code := exits(t, pybridge.FinalizeNever, time.Second, `
import atexit, multiprocessing, os, tempfile, time
atexit.register(print, "atexit")
ready = os.path.join(tempfile.mkdtemp(), "ready")
stubborn = "import signal, time; signal.signal(15, signal.SIG_IGN); open(%r, 'w'); time.sleep(1000)" % ready
for name, source in (("sleeper", "import time; time.sleep(1000)"), ("stubborn", stubborn)):
    p = multiprocessing.Process(target=exec, args=(source,), name=name)
    p.start()
    print("pid", p.pid)
while not os.path.exists(ready): time.sleep(0.01)
`)
	assert.Equal(t, 1, code, stderr)
	assert.Contains(t, stdout, "atexit\n")
	assert.Regexp(t, `multiprocessing's processes had not ended and were terminated: .*sleeper \(pid \d+\)`, stderr)
	assert.Contains(t, stderr, "stubborn (pid ")
	assertEnded(t, stdout)
}

// TestThreadExits_stuck: what waits for ever costs neither the hooks after it nor the output.
func TestThreadExits_stuck(t *testing.T) {
	stdout, stderr, code := exits(t, pybridge.FinalizeNever, time.Second, `
import atexit, threading
print("buffered")
atexit.register(print, "atexit")
threading._register_atexit(threading.Event().wait)
`)
	assert.Equal(t, "buffered\natexit\n", stdout)
	assert.Equal(t, 1, code)
	assert.Contains(t, stderr, "threading's exit functions: context deadline exceeded")

	stdout, stderr, _ = exits(t, pybridge.FinalizeNever, time.Second, `
import atexit, threading
print("buffered")
atexit.register(threading.Event().wait)
`)
	assert.Equal(t, "buffered\n", stdout)
	assert.Contains(t, stderr, "atexit hooks: context deadline exceeded")
}

// TestThreadExits_holdsTheGIL: what would need the GIL costs its time once, and not again after each stage.
func TestThreadExits_holdsTheGIL(t *testing.T) {
	_, stderr, code := exits(t, pybridge.FinalizeNever, time.Second, `
import ctypes, multiprocessing.process, threading
threading._register_atexit(ctypes.PyDLL(None).sleep, 1000)
`)
	assert.Equal(t, 1, code)
	assert.Contains(t, stderr, "threading's exit functions: context deadline exceeded")
	assert.Contains(t, stderr, "stdout and stderr: context deadline exceeded")
	assert.Equal(t, 1, strings.Count(stderr, "ending multiprocessing's processes"), stderr)
}

var pidLine = regexp.MustCompile(`(?m)^pid (\d+)$`)

// assertEnded waits until the processes whose numbers were printed are gone; a zombie is.
func assertEnded(t *testing.T, stdout string) {
	t.Helper()
	for _, match := range pidLine.FindAllStringSubmatch(stdout, -1) {
		pid, err := strconv.Atoi(match[1])
		require.NoError(t, err)
		assert.Eventually(t, func() bool {
			status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
			return err != nil || strings.Contains(string(status), "State:\tZ")
		}, 30*time.Second, 20*time.Millisecond, "process %d is there", pid)
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
}
