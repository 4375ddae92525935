package agent

import (
	"context"
	"fmt"

	"google.golang.org/grpc/codes"

	"github.com/gopyrpc/gopyrpc/agent/internal/transport"
	"github.com/gopyrpc/gopyrpc/internal/panics"
)

// Executor runs what peers ask for. Its context ends with the caller's deadline, when the caller gives up,
// when the connection breaks, and when the agent is shut down; [PeerFrom] says who asks. It is called on
// many goroutines at once, as many as the limits allow.
//
// An error that it returns ends the call with that error: with its code, if it is a gRPC status or an
// *Error, and with codes.Unknown else. A panic is an error too.
type Executor interface {
	Execute(ctx context.Context, req Request) (Reply, error)
}

// RemoteExecutor is an Executor that can keep a result instead of returning it, for [Agent.Remote].
type RemoteExecutor interface {
	Executor
	ExecuteRemote(ctx context.Context, req Request) (Value, error)
}

// Value is what an RRef refers to, at its owner. The agent knows no more of it.
type Value interface {
	// Fetch makes a copy for a peer that asks with RRef.ToHere. It may be called any number of times, on
	// several goroutines.
	Fetch(ctx context.Context) (Body, error)
	// Release is called once, when no worker refers to the value any more, or when the agent goes.
	Release()
}

// ExecutorFunc is a function as an Executor.
type ExecutorFunc func(ctx context.Context, req Request) (Reply, error)

// Execute calls the function.
func (f ExecutorFunc) Execute(ctx context.Context, req Request) (Reply, error) { return f(ctx, req) }

// errExited is the error of an execution that ended its goroutine.
var errExited error = ofRoom(transport.ErrExited)

// guard calls user code and makes an error of a panic. It does not return where the code ends its goroutine
// (runtime.Goexit): what the caller still has to do then is in a function that it defers.
func guard[T any](a *Agent, what string, fn func() (T, error)) (out T, err error) {
	panics.Catch(func() error {
		out, err = fn()
		return err
	}, func(end panics.End) {
		switch {
		case end.Panic != nil:
			a.log.Error("agent: user code panicked", "in", what, "panic", end.Panic.Value, "stack", end.Panic.Stack)
			err = &Error{Code: codes.Internal, Text: fmt.Sprintf("panic in %s: %v", what, end.Panic.Value)}
		case end.Exited:
			a.log.Error("agent: user code ended its goroutine with runtime.Goexit", "in", what)
		}
	})
	return out, err
}
