package pybridge_test

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/gopyrpc/gopyrpc/cleanup"
	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/internal/pythontest"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// obstacle is what may be in the way of a process's end.
type obstacle struct {
	source string // of statements that run before the end
	call   string // of statements that run when it comes, in a call from Go
	short  bool   // Close's context ends, as it would wait for ever
	module string // that the statements need, where it is not part of Python
	named  string // in the report, by the policies that finalise

	graceful, full cleanup.Outcome // of the interpreter
}

const (
	finalised    = cleanup.OutcomeReleased
	notFinalised = cleanup.OutcomeSkipped
	failed       = cleanup.OutcomeFailed
)

var obstacles = map[string]obstacle{
	"nothing": {graceful: finalised, full: finalised},
	"calls that sleep": {call: "import time, sys\nsys.inside()\ntime.sleep(1000)\n", short: true, named: "the endless one",
		graceful: notFinalised, full: failed},
	"calls that compute": {call: "import sys\nsys.inside()\nwhile True: pass\n", short: true, named: "the endless one",
		graceful: notFinalised, full: failed},
	"daemon threads": {source: `
import threading, time
def spin():
    while True: pass
for f in (lambda: time.sleep(1000), spin, threading.Event().wait):
    threading.Thread(target=f, daemon=True).start()
`, named: "(daemon)", graceful: notFinalised, full: failed},
	"threads": {source: `
import threading
threading.Thread(target=threading.Event().wait, name="endless", daemon=False).start()
`, short: true, graceful: notFinalised, full: failed},
	"a pool of threads": {source: `
import builtins
from concurrent.futures import ThreadPoolExecutor
builtins.pool = ThreadPoolExecutor()
assert pool.submit(sum, [1, 2]).result() == 3
`, graceful: finalised, full: finalised},
	"torch in use": {source: torchUse, module: "torch", graceful: finalised, full: finalised},
	"a thread that ends": {source: `
import atexit, threading
event = threading.Event()
def last():
    event.wait()
    threading.Thread(target=print, args=("the last word",)).start()
threading.Thread(target=last, daemon=False).start() # on a thread of Go's, daemons are the default
atexit.register(event.set)
`, full: finalised}, // a matter of luck when nobody waits for it
}

// torchUse leaves torch with whatever its C++ keeps of Python: a function of autograd's, hooks, a graph that was
// not walked, storage shared with others, threads of its own, and an operator's implementation.
const torchUse = `
import builtins, torch
class Double(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x): return x * 2
    @staticmethod
    def backward(ctx, grad): return grad * 2
x = torch.ones(1000, 1000, requires_grad=True)
x.register_hook(lambda grad: grad)
Double.apply(x).sum().backward()
assert x.grad[0, 0].item() == 2
builtins.kept = x, Double.apply(x) @ x, torch.nn.Linear(3, 3).share_memory(), torch.jit.script(torch.nn.Linear(2, 2))
builtins.library = torch.library.Library("gopyrpc_exit", "DEF") if hasattr(torch, "library") else None
if builtins.library:
    builtins.library.define("twice(Tensor x) -> Tensor")
    builtins.library.impl("twice", lambda x: x * 2, "CPU")
    assert torch.ops.gopyrpc_exit.twice(torch.ones(1)).item() == 2
builtins.future = torch.futures.Future()
builtins.future.then(lambda f: f.value())
`

var policies = []pybridge.FinalizePolicy{pybridge.FinalizeNever, pybridge.FinalizeGraceful, pybridge.FinalizeFull}

func init() {
	for name, o := range obstacles {
		for _, policy := range policies {
			pythontest.Register(fmt.Sprintf("exit %s, %s", policy, name), script(func(ctx context.Context) error { return o.exit(ctx, policy, true) }))
		}
		pythontest.Register("exit without Close, "+name, script(func(ctx context.Context) error { return o.exit(ctx, pybridge.FinalizeGraceful, false) }))
	}
}

// exit puts the obstacle in the way and ends the process, with status 7.
func (o obstacle) exit(ctx context.Context, policy pybridge.FinalizePolicy, closes bool) error {
	rt, err := pybridge.Start(ctx, pybridge.WithFinalize(policy))
	if err != nil {
		return err
	}
	if err := statements(ctx, rt, o.source); err != nil {
		return err
	}
	if o.call != "" {
		if err := o.begin(ctx, rt); err != nil {
			return err
		}
	}
	if closes {
		if o.short {
			short, cancel := context.WithTimeout(ctx, 500*time.Millisecond)
			defer cancel()
			ctx = short
		}
		report, err := rt.Join(ctx)
		fmt.Println("interpreter", steps(report)["interpreter"])
		fmt.Println(report, err)
	}
	os.Exit(7)
	return nil
}

// needs skips the test where this Python lacks the module.
func (o obstacle) needs(t *testing.T) {
	if o.module != "" {
		pythontest.NeedsModule(t, o.module)
	}
}

// begin has four goroutines inside Python that do not come back.
func (o obstacle) begin(ctx context.Context, rt *pybridge.Runtime) error {
	const callers = 4
	inside := make(chan struct{}, callers)
	err := gil.With(ctx, func(t gil.Token) error {
		f, err := pybridge.NewFunc(t, ctx, "inside", func(context.Context, []any, map[string]any) (any, error) {
			inside <- struct{}{}
			return nil, nil
		})
		if err != nil {
			return err
		}
		defer f.Release()
		sys, err := rt.Import(t, "sys")
		if err != nil {
			return err
		}
		defer sys.Release()
		return sys.SetAttr(t, "inside", f)
	})
	if err != nil {
		return err
	}
	for range callers {
		go func() { _ = statements(gil.WithLabel(ctx, "the endless one"), rt, o.call) }()
	}
	for range callers {
		<-inside
	}
	return nil
}

// TestExits ends processes in every way that is documented, whatever is in the way: the status is the
// program's own.
func TestExits(t *testing.T) {
	for _, name := range slices.Sorted(maps.Keys(obstacles)) {
		o := obstacles[name]
		for _, policy := range policies {
			t.Run(fmt.Sprintf("%s, %s", policy, name), func(t *testing.T) {
				o.needs(t)
				stdout, stderr, code := pythontest.Script(t, fmt.Sprintf("exit %s, %s", policy, name))
				assert.Equal(t, 7, code, stderr)
				outcome := map[pybridge.FinalizePolicy]cleanup.Outcome{
					pybridge.FinalizeNever: notFinalised, pybridge.FinalizeGraceful: o.graceful, pybridge.FinalizeFull: o.full,
				}[policy]
				if outcome != "" {
					assert.Contains(t, stdout, fmt.Sprintf("interpreter %s\n", outcome))
				}
				if policy != pybridge.FinalizeNever && outcome != finalised {
					assert.Contains(t, stdout, o.named)
				}
				if outcome == failed {
					assert.Contains(t, stdout, pybridge.ErrNotFinalized.Error())
				}
				if strings.Contains(o.source, "the last word") && policy == pybridge.FinalizeFull {
					assert.Contains(t, stdout, "the last word")
				}
			})
		}
		t.Run("without Close, "+name, func(t *testing.T) {
			o.needs(t)
			_, stderr, code := pythontest.Script(t, "exit without Close, "+name)
			assert.Equal(t, 7, code, stderr)
		})
	}
}
