//go:build !pydebug

package handler_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/handler"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// world is a process in one of the states, and what there is to call with: nil before it was made.
type world struct {
	state state
	opts  []pybridge.Option
	rt    *pybridge.Runtime
	other *pybridge.Runtime // a second handle, in the state shared
	h     *handler.Handler

	thing, class *pybridge.Object // an object that can do everything, and its class
	spare, named *pybridge.Object // to be released, and renamed
	view, spent  *pybridge.View
	payload      handler.Payload

	begin      chan struct{}  // closed when everybody is to call
	called     sync.WaitGroup // those inside have called everything
	leave      chan struct{}  // closed when the state may end
	others     sync.WaitGroup // those who wait for that
	complaints *complaints    // set before begin is closed

	joined   chan struct{} // closed when the Close that the state is about has ended; nil without one
	closeErr error         // of that Close; read after joined
}

// must ends the process: this state cannot even be reached.
func must(err error) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "not in the state that is to be tested: %+v\n", err)
		os.Exit(3)
	}
}

// reach gets the process into the state.
func (w *world) reach() {
	switch w.state {
	case unstarted:
	case notFound:
		_, err := pybridge.Start(context.Background(), pybridge.WithPython("/nonexistent/python3"))
		must(wanted(err, "/nonexistent/python3"))
	case failed:
		_, err := pybridge.Start(context.Background(), pybridge.WithPreload("is_not_there"))
		must(wanted(err, "is_not_there"))
	case starting:
		w.beginStarting()
	default:
		w.start()
		w.reachFromRunning()
	}
}

func wanted(err error, text string) error {
	if err == nil {
		return fmt.Errorf("no error of %s", text)
	}
	return nil
}

// beginStarting leaves a Start in the middle, in an import that reads what nobody has written.
func (w *world) beginStarting() {
	dir := os.Getenv("TEST_DIR")
	fifo := filepath.Join(dir, "fifo")
	must(syscall.Mkfifo(fifo, 0o600))
	must(os.WriteFile(filepath.Join(dir, "slow_start.py"), []byte("open("+fmt.Sprintf("%q", fifo)+").read()\n"), 0o600))
	w.opts = []pybridge.Option{pybridge.WithPath(dir), pybridge.WithPreload("slow_start")}
	w.others.Go(func() {
		rt, err := pybridge.Start(context.Background(), w.opts...)
		must(err)
		w.other = rt
	})
	end, err := os.OpenFile(fifo, os.O_WRONLY, 0) // when Python has it open too
	must(err)
	go func() {
		<-w.leave
		must(end.Close())
	}()
}

const thingSource = `
import builtins, ctypes
class Thing(bytearray):
    def __call__(self, *args, **kwargs): return args[0] if args else None
    def echo(self, *args): return args
    def keep(self): ctypes.pythonapi.Py_IncRef(ctypes.py_object(self))
builtins.thing = Thing(b"0123")
`

func (w *world) start() {
	ctx := context.Background()
	w.opts = []pybridge.Option{pybridge.WithPath(testdata())}
	if w.state == finalised || w.state == draining { // with no deadline, which a busy machine may miss
		w.opts = append(w.opts, pybridge.WithFinalize(pybridge.FinalizeFull))
	}
	var err error
	w.rt, err = pybridge.Start(ctx, w.opts...)
	must(err)
	w.h, err = handler.New(ctx, w.rt)
	must(err)
	must(gil.With(ctx, func(t gil.Token) error {
		if err := w.rt.RunMain(t, thingSource, "thing.py"); err != nil {
			return err
		}
		return w.make(t)
	}))
}

func (w *world) make(t gil.Token) error {
	builtins, err := w.rt.Import(t, "builtins")
	if err != nil {
		return err
	}
	defer builtins.Release()
	u, err := w.rt.Import(t, "udfs")
	if err != nil {
		return err
	}
	defer u.Release()
	var errs [6]error
	w.thing, errs[0] = builtins.Attr(t, "thing")
	w.class, errs[1] = w.thing.Attr(t, "__class__")
	w.spare, errs[2] = pybridge.ToPython(t, "spare")
	w.named, errs[3] = pybridge.ToPython(t, "named")
	bytes, err := pybridge.ToPython(t, []byte("bytes"))
	if err != nil {
		return err
	}
	defer bytes.Release()
	w.view, errs[4] = bytes.View(t)
	w.spent, errs[5] = bytes.View(t)
	w.payload.Data = []byte("garbage") // which Python has to look at
	return errors.Join(errs[:]...)
}

func (w *world) reachFromRunning() {
	ctx := context.Background()
	if w.state.hasInside() {
		w.enter()
	}
	switch w.state {
	case shared:
		other, err := pybridge.Start(ctx, w.opts...)
		must(err)
		w.other = other
		must(w.rt.Close(ctx))
	case handlerDraining:
		w.cleanUpDuringCall()
	case handlerClosed:
		must(w.h.Cleanup(ctx))
	case draining:
		w.join(ctx)
		for gil.Stats().State != "draining" {
			runtime.Gosched()
		}
	case left:
		ended, cancel := context.WithCancel(ctx)
		cancel()
		w.join(ended)
		<-w.joined
		must(wanted(w.closeErr, "the calls inside"))
	case closed:
		w.join(ctx)
		<-w.joined
	case finalised:
		w.release() // what is owned is released first, or finalising would have to leave it
		w.join(ctx)
		<-w.joined
		must(w.closeErr)
	}
}

func (w *world) join(ctx context.Context) {
	w.joined = make(chan struct{})
	go func() {
		defer close(w.joined)
		w.closeErr = w.rt.Close(ctx)
	}()
}

// enter has callers in progress, with the GIL but for the time until they are to begin.
func (w *world) enter() {
	var inside sync.WaitGroup
	inside.Add(callersEach)
	w.called.Add(callersEach)
	for n := range callersEach {
		ctx, cancel := context.WithCancel(context.Background())
		if n%2 == 0 {
			ctx = context.Background()
		}
		w.others.Go(func() {
			defer cancel()
			must(gil.With(ctx, func(t gil.Token) error {
				must(gil.Detach(t, func() {
					inside.Done()
					<-w.begin
				}))
				callAll(caller{world: w, ctx: ctx, t: t}, rows, w.complaints)
				w.called.Done()
				return gil.Detach(t, func() { <-w.leave })
			}))
		})
	}
	inside.Wait()
}

// cleanUpDuringCall leaves a Cleanup waiting for a UDF that waits in Go.
func (w *world) cleanUpDuringCall() {
	ctx := context.Background()
	entered := make(chan struct{})
	var udf *pybridge.Object
	must(gil.With(ctx, func(t gil.Token) error {
		wait, err := pybridge.NewFunc(t, ctx, "wait", func(context.Context, []any, map[string]any) (any, error) {
			close(entered)
			<-w.leave
			return nil, nil
		})
		if err != nil {
			return err
		}
		defer wait.Release()
		builtins, err := w.rt.Import(t, "builtins")
		if err != nil {
			return err
		}
		defer builtins.Release()
		if err := builtins.SetAttr(t, "wait", wait); err != nil {
			return err
		}
		if err := w.rt.RunMain(t, "import builtins, gopyrpc\nbuiltins.udf = gopyrpc.PythonUDF(wait, (), {})\n", "udf.py"); err != nil {
			return err
		}
		udf, err = builtins.Attr(t, "udf")
		return err
	}))
	w.others.Go(func() {
		result, err := w.h.RunPythonUDF(ctx, udf)
		must(err)
		result.Release()
		udf.Release()
	})
	<-entered
	w.others.Go(func() { must(w.h.Cleanup(ctx)) })
	for {
		if _, err := w.h.RunUDF(ctx, w.payload); errors.Is(err, handler.ErrClosed) {
			return
		}
	}
}

func (w *world) release() {
	w.thing.Release()
	w.class.Release()
	w.spare.Release()
	w.named.Release()
	w.view.Release()
	w.spent.Release()
}

// end sees that nothing was left behind.
func (w *world) end() {
	if w.joined != nil {
		return
	}
	if w.other != nil {
		if err := w.other.Close(context.Background()); err != nil {
			w.complaints.add("at the end: " + err.Error())
		}
	}
	if n := pybridge.Owned(); n > 0 {
		w.complaints.add(fmt.Sprintf("%d references are left: %v", n, pybridge.Leaks()))
	}
}
