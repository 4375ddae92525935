package pybridge

import (
	"context"
	"sync"
	"time"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/internal/cpython"
	"github.com/gopyrpc/gopyrpc/internal/gate"
)

// hostPatience is how long an interpreter that ends waits for the calls of Go that are inside.
const hostPatience = 2 * time.Second

// watchHost closes Go's way into an interpreter that its host started, before that ends. A program may end without a
// [Runtime.Close], and Go has reasons of its own to come in at any time, such as references to drop: a thread that
// comes in once CPython has freed what it needs ends the process.
func (i *interpreter) watchHost(t gil.Token) error {
	if !i.attached {
		return nil
	}
	ends := func(_, _ cpython.Ref) (result, exception cpython.Ref) {
		if t, err := gil.Assume(context.Background()); err == nil {
			_ = gil.Detach(t, i.hostEnds) // the calls inside need the GIL to come out
		}
		result, _ = toRef(nil)
		return result, nil
	}
	callback, err := cpython.NewCallback("host_ends", "Lets Go in no more.", ends, nil)
	if err != nil {
		return captured(t, err)
	}
	defer func() { _ = cpython.DecRef(callback) }()
	i.hostExit, err = i.bridge.callPart(t, hostExitPart, "when_host_ends", borrowed(callback))
	return captured(t, err)
}

// hostEnds is called on the thread that ends the interpreter, without the GIL.
func (i *interpreter) hostEnds() {
	ctx, cancel := context.WithTimeout(context.Background(), hostPatience)
	defer cancel()
	if err := gate.Process.Drain(ctx); err != nil {
		i.log.Warn("python: the program that it is part of ends while calls are inside; they are lost", "err", err)
	}
	gate.Process.Close()
	forbid := sync.OnceFunc(cpython.Forbid)
	if i.owner.do(ctx, func() error { forbid(); return nil }) != nil { // after what the owner is at, as it passes the gate by
		forbid()
	}
	i.signals.close()
}

// forgetHost is a step of the join.
func (i *interpreter) forgetHost(ctx context.Context) error {
	if !i.attached {
		return nil
	}
	return i.owner.with(ctx, func(t gil.Token) error {
		result, err := i.bridge.callPart(t, hostExitPart, "forget_host_end", borrowed(i.hostExit))
		if err != nil {
			return captured(t, err)
		}
		_ = cpython.DecRef(i.hostExit)
		return cpython.DecRef(result)
	})
}
