package handler_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/handler"
	"github.com/gopyrpc/gopyrpc/internal/pythontest"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// stuckSource has code that waits in C, whatever interrupts it, when it is run, pickled, or unpickled.
const stuckSource = `
import sys, threading, types
entered, door = threading.Semaphore(0), threading.Semaphore(0)
def wait(*args):
    told = False
    while True:
        try:
            if not told:
                told = True
                entered.release()
            door.acquire()
            return 0
        except BaseException: pass
class Pickled:
    def __reduce__(self):
        wait()
        return int, ()
class Unpickled:
    def __reduce__(self): return wait, ()
module = sys.modules["stuck_in_c"] = types.ModuleType("stuck_in_c")
module.__dict__.update(entered=entered, door=door, wait=wait)
wait.__module__ = "stuck_in_c"
values = types.SimpleNamespace(**globals())
`

// TestCallersLeaveWhatIsStuck: every operation that runs user code comes back when its context ends.
func TestCallersLeaveWhatIsStuck(t *testing.T) {
	h := newHandler(t)
	var values *pybridge.Object
	pythontest.With(t, func(tok gil.Token) { values = pythontest.Define(t, tok, stuckSource, "values") })
	made := func(expression string) (o *pybridge.Object) {
		pythontest.With(t, func(tok gil.Token) {
			make := pythontest.Define(t, tok, "from gopyrpc.internal import *\ndef make(values): return "+expression, "make")
			var err error
			o, err = make.Call(tok, values)
			require.NoError(t, err)
			t.Cleanup(o.Release)
		})
		return o
	}
	serialized := func(expression string) handler.Payload {
		p, err := h.Serialize(t.Context(), made(expression))
		require.NoError(t, err)
		return p
	}
	call, unpickled := serialized("PythonUDF(values.wait, (), {})"), serialized("values.Unpickled()")
	udf, pickles := made("PythonUDF(values.wait, (), {})"), made("values.Pickled()")
	for name, operate := range map[string]func(context.Context) error{
		"RunUDF": func(ctx context.Context) error {
			_, err := h.RunUDF(ctx, call)
			return err
		},
		"RunPythonUDF": func(ctx context.Context) error {
			_, err := h.RunPythonUDF(ctx, udf)
			return err
		},
		"Serialize": func(ctx context.Context) error {
			_, err := h.Serialize(ctx, pickles)
			return err
		},
		"Deserialize": func(ctx context.Context) error {
			_, err := h.Deserialize(ctx, unpickled)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			go func() {
				pythontest.With(t, func(tok gil.Token) {
					pythontest.Define(t, tok, "import stuck_in_c\nvalue = stuck_in_c.entered.acquire()", "value")
				})
				cancel()
			}()
			err := operate(ctx)
			require.ErrorIs(t, err, context.Canceled)
			var interrupted *gil.InterruptedError
			require.ErrorAs(t, err, &interrupted)
			assert.True(t, interrupted.Stuck)
			pythontest.With(t, func(tok gil.Token) {
				pythontest.Define(t, tok, "import stuck_in_c\nvalue = stuck_in_c.door.release()", "value")
			})
			pythontest.Until(t, "it is over", func() bool { return len(gil.Stats().Stuck) == 0 })
		})
	}
}
