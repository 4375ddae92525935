// Attach is a library that a running Python loads with ctypes: Go is the guest there.
package main

import "C"

import (
	"context"
	"fmt"
	"os"
	goruntime "runtime"
	"strings"
	"sync"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/internal/cpython"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

func main() {}

var runtime *pybridge.Runtime

// attach starts on the running interpreter and works in it; 0 when all went well.
//
//export attach
func attach() C.int {
	return status(work(context.Background()))
}

// leave gives the interpreter up.
//
//export leave
func leave() C.int {
	err := runtime.Close(context.Background())
	if err == nil && pybridge.Owned() != 0 {
		err = fmt.Errorf("left behind: %v", pybridge.Leaks())
	}
	return status(err)
}

var entered, gone = make(chan struct{}), make(chan struct{})

// wait stays in Go until wake is called.
//
//export wait
func wait() {
	entered <- struct{}{}
	<-gone
}

// waiting returns when another thread is in wait.
//
//export waiting
func waiting() { <-entered }

//export wake
func wake() { gone <- struct{}{} }

// onStack tells whether the handler of a signal is called on the signal stack.
//
//export onStack
func onStack(number C.int) bool { return cpython.ReadSignals()[number].OnStack }

// busy has goroutines come in again and again, each time on a thread that is new to Python, for as long as they are
// let in. It returns when all have been.
//
//export busy
func busy() {
	var been sync.WaitGroup
	for range 16 {
		been.Add(1)
		go func() {
			err := enterAnew()
			been.Done()
			for err == nil {
				err = enterAnew()
			}
		}()
	}
	been.Wait()
}

// enterAnew enters on a thread of its own, which ends with it.
func enterAnew() error {
	entered := make(chan error)
	go func() {
		goruntime.LockOSThread()
		entered <- gil.With(context.Background(), func(gil.Token) error { return nil })
	}()
	return <-entered
}

func status(err error) C.int {
	if err != nil {
		fmt.Fprintf(os.Stderr, "%+v\n", err)
		return 1
	}
	return 0
}

const source = `
import threading
def reverse(data): return data[::-1]
def from_thread(f):
    result = []
    t = threading.Thread(target=lambda: result.append(f(20)))
    t.start(); t.join()
    return result[0]
`

func work(ctx context.Context) (err error) {
	if runtime, err = pybridge.Start(ctx); err != nil {
		return err
	}
	var reverse *pybridge.Object
	err = gil.With(ctx, func(t gil.Token) error {
		builtins, err := runtime.Import(t, "builtins")
		if err != nil {
			return err
		}
		defer builtins.Release()
		globals, err := builtins.CallMethod(t, "dict")
		if err != nil {
			return err
		}
		defer globals.Release()
		done, err := builtins.CallMethod(t, "exec", source, globals)
		if err != nil {
			return err
		}
		done.Release()
		if reverse, err = globals.Item(t, "reverse"); err != nil {
			return err
		}
		return fromThread(t, globals)
	})
	if err != nil {
		return err
	}
	defer reverse.Release()
	return crowd(ctx, reverse)
}

// fromThread lets a thread that Python made call a Go function, which calls Python again.
func fromThread(t gil.Token, globals *pybridge.Object) error {
	call, err := globals.Item(t, "from_thread")
	if err != nil {
		return err
	}
	defer call.Release()
	double, err := pybridge.NewFunc(t, t.Context(), "double", func(ctx context.Context, args []any, _ map[string]any) (any, error) {
		n := args[0].(int64)
		return 2 * n, gil.With(ctx, func(t gil.Token) error {
			o, err := runtime.Import(t, "sys")
			o.Release()
			return err
		})
	})
	if err != nil {
		return err
	}
	defer double.Release()
	result, err := call.Call(t, double)
	if err != nil {
		return err
	}
	defer result.Release()
	if n, err := pybridge.As[int](t, result); err != nil || n != 40 {
		return fmt.Errorf("got %d, %w", n, err)
	}
	return nil
}

// crowd calls from many goroutines, so from many threads.
func crowd(ctx context.Context, reverse *pybridge.Object) error {
	errs := make(chan error, 32)
	var wg sync.WaitGroup
	for i := range cap(errs) {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for range 20 {
				in := fmt.Sprintf("a%db", i)
				out, _, err := reverse.CallBytes(ctx, []byte(in), nil)
				if err != nil || !strings.HasPrefix(string(out), "b") || len(out) != len(in) {
					errs <- fmt.Errorf("%q became %q: %w", in, out, err)
					return
				}
			}
		}()
	}
	wg.Wait()
	close(errs)
	return <-errs
}
