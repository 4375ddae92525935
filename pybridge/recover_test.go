package pybridge_test

import (
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/internal/pythontest"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// faults has the nil dereference of Go code recovered, and says so.
func faults(where string) {
	defer func() { fmt.Println(where, recover() != nil) }()
	var nothing *int
	*nothing = 1
}

func init() {
	pythontest.Register("recover", running(func(ctx context.Context, rt *pybridge.Runtime) error {
		source := os.Getenv(sourceVariable)
		err := gil.With(ctx, func(tok gil.Token) error {
			err := rt.RunMain(tok, source, "<script>")
			faults("inside")
			return err
		})
		faults("outside")
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			faults("elsewhere")
		}()
		<-ended
		return err
	}))
}

const recovers = "inside true\noutside true\nelsewhere true\n"

// TestGoRecovers from its own faults, whatever Python code did about signals before.
func TestGoRecovers(t *testing.T) {
	for _, source := range []string{
		"pass",
		"import faulthandler\nfaulthandler.enable()",
		"import faulthandler\nfaulthandler.enable()\nfaulthandler.disable()",
		"import faulthandler\nfor _ in range(3):\n    faulthandler.enable(all_threads=False)\n    faulthandler.disable()\nfaulthandler.enable()",
		"import faulthandler, signal\nfaulthandler.register(signal.SIGUSR1, chain=True)",
		"import faulthandler, threading\nt = threading.Thread(target=faulthandler.enable)\nt.start(); t.join()",
		"import signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())",
		"import signal\nsignal.pthread_sigmask(signal.SIG_SETMASK, {signal.SIGSEGV, signal.SIGURG})",
		"import signal\nsignal.siginterrupt(signal.SIGSEGV, True)",
		"import _thread\n_thread.interrupt_main()",
	} {
		t.Run(source, func(t *testing.T) {
			stdout, stderr, code := pythontest.Script(t, "recover", sourceVariable+"="+source)
			assert.Equal(t, 0, code, stderr)
			assert.Equal(t, recovers, stdout)
			assert.NotContains(t, stderr, "gopyrpc: SIG")
		})
	}
}

func TestGoRecoversWithExtensions(t *testing.T) {
	for _, module := range []string{"numpy", "torch"} {
		t.Run(module, func(t *testing.T) {
			pythontest.NeedsModule(t, module)
			source := fmt.Sprintf("import faulthandler\nimport %[1]s\nfaulthandler.enable()\nassert %[1]s.ones(3).sum() == 3", module)
			assert.Equal(t, recovers, runs(t, "recover", sourceVariable+"="+source))
		})
	}
}

func TestGoRecoversWhateverTheEnvironment(t *testing.T) {
	assert.Equal(t, recovers, runs(t, "recover", sourceVariable+"=pass", "PYTHONFAULTHANDLER=1", "PYTHONDEVMODE=1"))
}

// TestMaskStaysOpen: the mask belongs to an OS thread, which runs other goroutines afterwards.
func TestMaskStaysOpen(t *testing.T) {
	const source = `
import signal
before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
now = signal.pthread_sigmask(signal.SIG_BLOCK, [])
assert not now & {signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGURG, signal.SIGPROF, signal.SIGABRT}, now
assert signal.SIGUSR1 in now
signal.pthread_sigmask(signal.SIG_SETMASK, before)
assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == before
`
	assert.Equal(t, recovers, runs(t, "recover", sourceVariable+"="+source))
}

func TestTimersDoNotEndTheProcess(t *testing.T) {
	const source = `
import signal, time
signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
signal.setitimer(signal.ITIMER_PROF, 0.001, 0.001)
signal.setitimer(signal.ITIMER_VIRTUAL, 0.001, 0.001)
while time.process_time() < 0.2: pass
time.sleep(0.05)
`
	assert.Equal(t, recovers, runs(t, "recover", sourceVariable+"="+source))
}
