package agent_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/gopyrpc/gopyrpc/agent"
	"github.com/gopyrpc/gopyrpc/agent/internal/rpcerr"
)

// What a call ended with decides whether it is tried again, and not what that has as its cause.
func TestErrors_temporary(t *testing.T) {
	refused := rpcerr.Errorf(codes.Unauthenticated, "wrong token")
	for _, cause := range []error{nil, refused, context.Canceled} {
		assert.True(t, agent.Temporary(&agent.Error{Code: codes.Unavailable, Text: "no answer", Err: cause}), "%v", cause)
	}
	assert.False(t, agent.Temporary(&agent.Error{Code: codes.DataLoss, Text: "gone", Err: rpcerr.Errorf(codes.Unavailable, "lost")}))
	assert.False(t, agent.Temporary(refused))
	assert.True(t, agent.Temporary(rpcerr.Errorf(codes.Unavailable, "tried: %w", refused)))
}

// An error that others are the cause of says whose it is, and with which code it ends, once.
func TestErrors_doNotStutter(t *testing.T) {
	cause := error(&agent.Error{Code: codes.PermissionDenied, Worker: "w0", Text: `unknown worker "eve"`, Err: agent.ErrUnknownWorker})
	for err, want := range map[error]string{
		cause: `agent: PermissionDenied: worker w0: unknown worker "eve"`,
		rpcerr.Errorf(codes.Unavailable, "the connection ended: %w", cause):                              `agent: Unavailable: the connection ended: worker w0: unknown worker "eve"`,
		rpcerr.Errorf(codes.Unavailable, "tried: %w", status.Error(codes.Internal, "it broke")):          "agent: Unavailable: tried: it broke",
		rpcerr.Errorf(codes.Unavailable, "tried: %w", fmt.Errorf("agent: TLS: %w", errors.New("no"))):    "agent: Unavailable: tried: TLS: no",
		rpcerr.Errorf(codes.InvalidArgument, "an RRef whose owner is unknown: %w", errors.New("nobody")): "agent: InvalidArgument: an RRef whose owner is unknown: nobody",
	} {
		assert.EqualError(t, err, want)
	}
	wrapped := rpcerr.Errorf(codes.Unavailable, "outer: %w", cause)
	assert.ErrorIs(t, wrapped, agent.ErrUnknownWorker)
	assert.ErrorIs(t, wrapped, cause)

	a, b := pair(t, func(context.Context, agent.Request) (agent.Reply, error) {
		return agent.Reply{}, fmt.Errorf("%w: really", agent.ErrReleased)
	})
	_, err := a.Call(testContext(t), b.Name(), agent.Request{})
	assert.EqualError(t, err, "agent: Unknown: worker w1: the RRef was released: really")
	unknown := guestOf(t, "eve", a)
	_, err = unknown.Call(testContext(t), "w0", agent.Request{})
	assert.EqualError(t, err, `agent: PermissionDenied: worker w0: unknown worker "eve"; there are w0, w1, and this worker has no guests (Config.Guests, --guest)`)
}

// The end of a call's time is told in torch's words, with the time, wherever it was noticed.
func TestErrors_deadlineInTorchsWords(t *testing.T) {
	const phrase = "RPC ran for more than set timeout (80 ms) and will now be marked with an error"
	a, _ := pair(t, func(ctx context.Context, req agent.Request) (agent.Reply, error) {
		if req.Body.Size() > 0 { // the called side notices, too
			<-ctx.Done()
			return agent.Reply{}, ctx.Err()
		}
		<-ctx.Done()
		return agent.Reply{}, fmt.Errorf("busy with something: %w", ctx.Err())
	})
	lost := startOne(t, agent.Config{Name: "w8", Rank: 8, Peers: []agent.Worker{{"w9", 9, "127.0.0.1:1"}}})
	for name, call := range map[string]func(ctx context.Context) error{
		"Call": func(ctx context.Context) error {
			_, err := a.Call(ctx, "w1", agent.Request{Body: agent.Bytes([]byte("x"))})
			return err
		},
		"CallAsync": func(ctx context.Context) error {
			_, err := a.CallAsync(ctx, "w1", agent.Request{}).Wait(testContext(t))
			return err
		},
		"never reached": func(ctx context.Context) error {
			_, err := lost.Call(ctx, "w9", agent.Request{})
			return err
		},
	} {
		var err error
		for limit := time.Now().Add(patience); time.Now().Before(limit); { // on a busy machine a call may begin late, and names what is left then
			ctx, cancel := context.WithTimeout(t.Context(), 80*time.Millisecond)
			err = call(ctx)
			cancel()
			require.ErrorIs(t, err, context.DeadlineExceeded, name)
			if strings.Contains(err.Error(), phrase) {
				break
			}
		}
		assert.ErrorContains(t, err, ": "+phrase, name)
		assert.NotContains(t, err.Error(), context.DeadlineExceeded.Error(), name)
	}
}

// A function's own failure with a deadline of its own keeps its words.
func TestErrors_anotherDeadline(t *testing.T) {
	a, _ := pair(t, func(context.Context, agent.Request) (agent.Reply, error) {
		return agent.Reply{}, &agent.Error{Code: codes.DeadlineExceeded, Text: "the database took too long: context deadline exceeded", Err: context.DeadlineExceeded}
	})
	_, err := a.Call(testContext(t), "w1", agent.Request{})
	assert.EqualError(t, err, "agent: DeadlineExceeded: worker w1: the database took too long: context deadline exceeded")
}
