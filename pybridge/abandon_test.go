package pybridge_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/internal/cpython"
	"github.com/gopyrpc/gopyrpc/internal/pythontest"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

func init() {
	pythontest.Register("guard abandoned, other thread", abandoned(false))
	pythontest.Register("guard abandoned, main thread", abandoned(true))
}

// abandoned is a script in which a goroutine ends while it holds the GIL, on the process's main thread or on any
// other; then somebody calls, and the process ends.
func abandoned(onMain bool) func() int {
	return script(func(ctx context.Context) error {
		forget := forgetful(gil.WithLabel(ctx, "the forgetful one"), onMain)
		rt, err := pybridge.Start(ctx)
		if err != nil {
			return err
		}
		var identity *pybridge.Object
		err = gil.With(ctx, func(tok gil.Token) (err error) {
			builtins, err := rt.Import(tok, "builtins")
			if err != nil {
				return err
			}
			defer builtins.Release()
			identity, err = builtins.Attr(tok, "bytes")
			return err
		})
		if err != nil {
			return err
		}
		if err := forget(); err != nil {
			return err
		}
		short, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		_, _, err = identity.CallBytes(short, []byte("abc"), nil)
		fmt.Println("call:", err == nil, errors.Is(err, context.DeadlineExceeded))
		identity.Release()
		short, cancel = context.WithTimeout(ctx, time.Second)
		defer cancel()
		fmt.Println("close:", rt.Close(short))
		os.Exit(7)
		return nil
	})
}

// forgetful is a goroutine on the process's main thread, or on any other, that takes the GIL when it is told to and
// ends. It has to be there first: the runtime's own goroutine keeps the thread that it gets.
func forgetful(ctx context.Context, onMain bool) (forget func() error) {
	for {
		found, begin, done := make(chan bool), make(chan struct{}), make(chan error)
		go func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			right := cpython.OnFirstThread() == onMain
			found <- right
			if !right {
				return
			}
			<-begin
			_, err := gil.Acquire(ctx)
			defer func() { done <- err }()
			runtime.Goexit()
		}()
		if <-found {
			return func() error { close(begin); return <-done }
		}
	}
}

// TestAbandonedGuard: a thread that ends gives the GIL back. The main thread never ends, so what is lost there is
// reported like a call that does not return, and nobody waits for it longer than they would for that.
func TestAbandonedGuard(t *testing.T) {
	t.Run("other thread", func(t *testing.T) {
		stdout, stderr, code := pythontest.Script(t, "guard abandoned, other thread")
		assert.Equal(t, 7, code, stderr)
		assert.Equal(t, "call: true false\nclose: <nil>\n", stdout)
	})
	t.Run("main thread", func(t *testing.T) {
		stdout, stderr, code := pythontest.Script(t, "guard abandoned, main thread")
		assert.Equal(t, 7, code, stderr)
		assert.Regexp(t, `^call: false true\nclose: .*python calls still running: [0-9]+ \[.*"the forgetful one".*\]`, stdout)
	})
}
