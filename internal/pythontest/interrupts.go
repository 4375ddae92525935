package pythontest

import (
	"context"
	"testing"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/internal/gate"
)

// interrupts gives functions that say when they run, and what lets one in C go on.
const interrupts = `
import threading
entered = threading.Semaphore(0)
door = threading.Lock()
door.acquire()
attempts = []
def spin(data):
    entered.release()
    while True: pass
def stubborn(data):
    while True:
        try:
            entered.release()
            while True: pass
        except BaseException as e:
            attempts.append(type(e).__name__)
            if len(attempts) > 1: return b'gave in'
def acquire(): # nothing is raised in it, nor right after it
    entered.release()
    door.acquire()
def waits(data): acquire()
def waits_and_raises(data): return acquire() or [].index(data)
def stuck(data):
    notified = False # an interruption may come before it waits
    while True:
        try:
            if not notified:
                notified = True
                entered.release()
            with door: return b'late'
        except BaseException: pass
`

// DefineInterrupts makes the module interrupts anew: functions of one argument that can be interrupted (spin), only the
// second time (stubborn), or not at all (stuck), each of which releases the semaphore entered when it runs.
func DefineInterrupts(t testing.TB) {
	t.Helper()
	With(t, func(tok gil.Token) {
		Define(t, tok, interrupts+"\nimport sys, types\nvalue = sys.modules['interrupts'] = types.SimpleNamespace(**globals())", "value")
	})
}

// AwaitEntered waits until a function of interrupts runs.
func AwaitEntered(t testing.TB) {
	t.Helper()
	With(t, func(tok gil.Token) { // gives the GIL up while it waits
		Define(t, tok, "import interrupts\nvalue = interrupts.entered.acquire()", "value")
	})
}

// OpenDoor lets one call of stuck, of interrupts, go on.
func OpenDoor(t testing.TB) {
	t.Helper()
	With(t, func(tok gil.Token) {
		Define(t, tok, "import interrupts\nvalue = interrupts.door.release()", "value")
	})
}

// BeginWith calls a function of interrupts under gil.With, and gives what ends the context once the function runs, and
// With's error.
func BeginWith(t testing.TB, name string) (cancel func(), result <-chan error) {
	t.Helper()
	ctx, end := context.WithCancel(gil.WithLabel(context.Background(), "with "+name))
	done := make(chan error, 1)
	go func() {
		done <- gil.With(ctx, func(tok gil.Token) error { return CallInterrupts(tok, name) })
	}()
	AwaitEntered(t)
	return end, done
}

// CallInterrupts calls a function of interrupts.
func CallInterrupts(tok gil.Token, name string) error {
	m, err := Runtime().Import(tok, "interrupts")
	if err != nil {
		return err
	}
	defer m.Release()
	result, err := m.CallMethod(tok, name, nil)
	result.Release()
	return err
}

// Quiet waits until nobody is inside: a caller returns before the dispatcher of its call has left, and
// the janitor comes when it likes.
func Quiet(t testing.TB) {
	t.Helper()
	Until(t, "nobody is inside", func() bool {
		s := gil.Stats()
		return s.Pending == 0 && s.Inside+s.Suspended+s.Abandoned+s.Queue == 0
	})
}

// Exhaust takes every permit but the caller's own, until the test ends or the result is called. A
// caller that holds the GIL must have waited for [Quiet]: somebody inside could wait for it.
func Exhaust(t testing.TB, own int) (giveBack func()) {
	t.Helper()
	var held []*gate.Permit
	giveBack = func() {
		for _, p := range held {
			p.Leave()
		}
		held = nil
	}
	t.Cleanup(giveBack)
	for range gil.Stats().Permits - own {
		p, err := gate.Process.Enter(context.Background(), "exhaust")
		if err != nil {
			t.Fatal(err)
		}
		held = append(held, p)
	}
	return giveBack
}
