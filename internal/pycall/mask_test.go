package pycall_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/internal/pyname"
	"github.com/gopyrpc/gopyrpc/internal/pythontest"
)

// importing is a lock of importlib as far as its code object tells: it waits where an exception would leave
// it taken, before the body of the `with` statement begins.
const importing = `
class Lock:
    taken = False
    go_on = False
    def __enter__(self):
        self.take()
    def take(self):
        self.taken = True
        entered.release()
        while not self.go_on: pass
    def __exit__(self, *exc):
        self.taken = False
lock = Lock()
`

// TestLocksOfImportsAreGivenBack: an interruption between taking a lock and the `try` that gives it back
// would lock every later import out.
func TestLocksOfImportsAreGivenBack(t *testing.T) {
	pythontest.DefineInterrupts(t)
	pythontest.With(t, func(tok gil.Token) {
		pythontest.Define(t, tok, "import interrupts\nexec(compile('''"+importing+"''', '<frozen importlib.locks>', 'exec'), vars(interrupts))\n"+
			"exec('''def locked(data):\n  with lock:\n    while True: pass\n''', vars(interrupts))\nvalue = None", "value")
	})
	cancel, result := interruptible(t, "locked")
	cancel()
	pythontest.Until(t, "the watchdog looks at the call", func() bool {
		stuck := gil.Stats().Stuck
		return len(stuck) == 1 && stuck[0].Stack != ""
	})
	pythontest.With(t, func(tok gil.Token) {
		pythontest.Define(t, tok, "import interrupts\nvalue = interrupts.lock.go_on = True", "value")
	})
	assert.ErrorIs(t, <-result, context.Canceled)
	pythontest.Until(t, "the call is over", func() bool { return len(gil.Stats().Stuck) == 0 })
	pythontest.With(t, func(tok gil.Token) {
		taken, err := pythontest.Define(t, tok, "import interrupts\nvalue = interrupts.lock.taken", "value").Truth(tok)
		require.NoError(t, err)
		assert.False(t, taken, "the lock was left behind")
	})
}

// TestNamedLikeALock: what has the name of a lock's function and never returns is interrupted all the same.
func TestNamedLikeALock(t *testing.T) {
	pythontest.DefineInterrupts(t)
	pythontest.With(t, func(tok gil.Token) {
		pythontest.Define(t, tok, "import interrupts\nexec('''def acquire(data):\n  entered.release()\n  while True: pass\n''', vars(interrupts))\nvalue = None", "value")
	})
	cancel, result := interruptible(t, "acquire", gil.WaitForCompletion)
	cancel()
	err := <-result
	var interrupted *gil.InterruptedError
	require.ErrorAs(t, err, &interrupted)
	assert.False(t, interrupted.Stuck)
	assert.Contains(t, interrupted.Stack, "in acquire")
}

// handingOut is code that has the mark, in the middle of what calls it.
const handingOut = `
from ` + pyname.Bridge + ` import uninterruptible
def waits():
    entered.release()
    while not go_on: pass
@uninterruptible
def hand_out(data):
    waits()
    attempts.append(data)
def hands_out(data):
    hand_out(data)
    while True: pass
go_on = False
`

// TestUninterruptible: a function that is marked is not interrupted in the middle, nor is what it calls.
func TestUninterruptible(t *testing.T) {
	pythontest.DefineInterrupts(t)
	pythontest.With(t, func(tok gil.Token) {
		pythontest.Define(t, tok, "import interrupts\nexec('''"+handingOut+"''', vars(interrupts))\nvalue = None", "value")
	})
	cancel, result := interruptible(t, "hands_out")
	cancel()
	pythontest.Until(t, "the watchdog looks at the call", func() bool {
		stuck := gil.Stats().Stuck
		return len(stuck) == 1 && stuck[0].Stack != ""
	})
	pythontest.With(t, func(tok gil.Token) {
		pythontest.Define(t, tok, "import interrupts\nvalue = interrupts.go_on = True", "value")
	})
	assert.ErrorIs(t, <-result, context.Canceled)
	pythontest.Until(t, "the call is over", func() bool { return len(gil.Stats().Stuck) == 0 })
	pythontest.With(t, func(tok gil.Token) {
		whole, err := pythontest.Define(t, tok, "import interrupts\nvalue = len(interrupts.attempts) == 1", "value").Truth(tok)
		require.NoError(t, err)
		assert.True(t, whole, "it was interrupted in the middle")
	})
}
