package agent

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
)

// An error that others are the cause of says whose it is, and with which code it ends, once.
func TestErrors_doNotStutter(t *testing.T) {
	cause := failure(codes.PermissionDenied, "%w %q", ErrUnknownWorker, "eve").about("w0", false)
	for err, want := range map[error]string{
		cause: `agent: PermissionDenied: worker w0: unknown worker "eve"`,
		failure(codes.Unavailable, "the connection ended: %w", cause):                              `agent: Unavailable: the connection ended: worker w0: unknown worker "eve"`,
		failure(codes.Unavailable, "tried: %w", status.Error(codes.Internal, "it broke")):          "agent: Unavailable: tried: it broke",
		failure(codes.Unavailable, "tried: %w", fmt.Errorf("agent: TLS: %w", errors.New("no"))):    "agent: Unavailable: tried: TLS: no",
		failure(codes.InvalidArgument, "an RRef whose owner is unknown: %w", errors.New("nobody")): "agent: InvalidArgument: an RRef whose owner is unknown: nobody",
	} {
		assert.EqualError(t, err, want)
	}
	wrapped := failure(codes.Unavailable, "outer: %w", cause)
	assert.ErrorIs(t, wrapped, ErrUnknownWorker)
	assert.ErrorIs(t, wrapped, cause)

	a, b := pair(t, func(context.Context, Request) (Reply, error) { return Reply{}, fmt.Errorf("%w: really", ErrReleased) })
	_, err := a.Call(testContext(t), b.Name(), Request{})
	assert.EqualError(t, err, "agent: Unknown: worker w1: the RRef was released: really")
	unknown := guestOf(t, "eve", a)
	_, err = unknown.Call(testContext(t), "w0", Request{})
	assert.EqualError(t, err, `agent: PermissionDenied: worker w0: unknown worker "eve"; there are w0, w1, and this worker has no guests (Config.Guests, --guest)`)
}

// The end of a call's time is told in torch's words, with the time, wherever it was noticed.
func TestErrors_deadlineInTorchsWords(t *testing.T) {
	const phrase = "RPC ran for more than set timeout (80 ms) and will now be marked with an error"
	a, _ := pair(t, func(ctx context.Context, req Request) (Reply, error) {
		if len(req.Body) > 0 { // the called side notices, too
			<-ctx.Done()
			return Reply{}, ctx.Err()
		}
		<-ctx.Done()
		return Reply{}, fmt.Errorf("busy with something: %w", ctx.Err())
	})
	lost := startOne(t, Config{Name: "w8", Rank: 8, Peers: []Worker{{"w9", 9, "127.0.0.1:1"}}})
	for name, call := range map[string]func(ctx context.Context) error{
		"Call": func(ctx context.Context) error {
			_, err := a.Call(ctx, "w1", Request{Body: Bytes([]byte("x"))})
			return err
		},
		"CallAsync": func(ctx context.Context) error {
			_, err := a.CallAsync(ctx, "w1", Request{}).Wait(testContext(t))
			return err
		},
		"never reached": func(ctx context.Context) error {
			_, err := lost.Call(ctx, "w9", Request{})
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
	a, _ := pair(t, func(context.Context, Request) (Reply, error) {
		return Reply{}, failure(codes.DeadlineExceeded, "the database took too long: %w", context.DeadlineExceeded)
	})
	_, err := a.Call(testContext(t), "w1", Request{})
	assert.EqualError(t, err, "agent: DeadlineExceeded: worker w1: the database took too long: context deadline exceeded")
}
