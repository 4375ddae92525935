package agent

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/gopyrpc/gopyrpc/agent/internal/membership"
	"github.com/gopyrpc/gopyrpc/agent/internal/rpcerr"
	"github.com/gopyrpc/gopyrpc/agent/internal/security"
	agentpb "github.com/gopyrpc/gopyrpc/agent/proto"
)

// Sentinels; compare with errors.Is.
var (
	// ErrClosed: this agent was shut down, or is on its way there. Closed is final.
	ErrClosed = errors.New("agent: closed")
	// ErrUnknownWorker: no worker of the group has that name.
	ErrUnknownWorker = membership.ErrUnknown
	// ErrInsecure: the configuration would let anybody in.
	ErrInsecure = security.ErrInsecure
	// ErrOwnerGone: the worker that owned an RRef's value was restarted, or no longer has the value.
	ErrOwnerGone = errors.New("agent: the RRef's value is gone")
	// ErrReleased: the RRef was released here.
	ErrReleased = errors.New("agent: the RRef was released")
	// ErrLeaked: RRefs were left over when the group joined.
	ErrLeaked = errors.New("agent: leaked RRefs")
)

// Error is how a call failed. status.FromError and status.Code of grpc understand it; errors.Is finds
// context.DeadlineExceeded, context.Canceled and the sentinels above where they are the cause.
type Error struct {
	Code   codes.Code
	Worker string // the peer that the call went to; empty if it is not about one
	Text   string
	// Ran says that the request may have run: it was sent, and the agent cannot know how far it came.
	// A request is never sent a second time, so false means that it did not and never will.
	Ran bool
	Err error // the cause, where there is one in this process
}

func (e *Error) Error() string {
	return fmt.Sprintf("agent: %s: %s", e.Code, e.message())
}

func (e *Error) message() string {
	if e.Worker == "" {
		return e.Text
	}
	return "worker " + e.Worker + ": " + e.Text
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// GRPCStatus is for status.FromError.
func (e *Error) GRPCStatus() *status.Status { return status.New(e.Code, rpcerr.ValidText(e.message())) }

// ConfigError says what is wrong with a [Config], and where: Field is a field of Config, such as "Name" or "TLS.Cert",
// and Err is what is wrong. Its method Reason says that without the field, for programs that give the field another name.
type ConfigError = rpcerr.ConfigError

// ExposedError is an ErrInsecure: the agent would be reached, or would call, beyond this machine without proof of who
// calls. Where is what of the agent is beyond this machine; the method Reason says what is wrong, without what to do.
type ExposedError = security.ExposedError

// wrong is what New says of a field.
func wrong(field, format string, args ...any) error { return rpcerr.Configf(field, format, args...) }

func failure(code codes.Code, format string, args ...any) *Error {
	return ofRoom(rpcerr.Errorf(code, format, args...))
}

// ofRoom is the refusal of a room below as an Error.
func ofRoom(e *rpcerr.Error) *Error { return &Error{Code: e.Code, Text: e.Text, Err: e.Err} }

func errClosed() *Error {
	return &Error{Code: codes.Unavailable, Text: "this agent was shut down", Err: ErrClosed}
}

// about names the peer and says whether the request may have run.
func (e *Error) about(worker string, ran bool) *Error {
	out := *e
	out.Worker, out.Ran = worker, ran
	return &out
}

// ended makes an Error of the end of a context.
func ended(err error, doing string) *Error { return ofRoom(rpcerr.Ended(err, doing)) }

// overdue is what a call is told that ended with its deadline, in the words that programs written for torch look for.
func overdue(took time.Duration) string {
	return fmt.Sprintf("RPC ran for more than set timeout (%d ms) and will now be marked with an error", took.Round(time.Millisecond).Milliseconds())
}

// withoutCause is the text of an error that is about a context, without the words of package context.
func (e *Error) withoutCause() string {
	return strings.TrimSuffix(e.Text, ": "+context.DeadlineExceeded.Error())
}

// asError brings any error into the form that calls end with.
func asError(err error) *Error {
	var e *Error
	var refusal *rpcerr.Error
	refused := errors.As(err, &refusal)
	if errors.As(err, &e) && !(refused && errors.Is(refusal, e)) { // unless it is only what a refusal is about
		return e
	}
	if refused {
		return ofRoom(refusal)
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return ended(err, theCall)
	}
	if s, ok := status.FromError(err); ok {
		return &Error{Code: s.Code(), Text: s.Message(), Err: err}
	}
	return &Error{Code: codes.Unknown, Text: rpcerr.Within(err).Error(), Err: err}
}

// toStatus is what the peer gets to know of an error.
func toStatus(err error, ran bool) *agentpb.Status {
	e := asError(err)
	code := e.Code
	if code == codes.OK { // an Error made by hand; a failure must be one
		code = codes.Unknown
	}
	return &agentpb.Status{Code: int32(code), Message: rpcerr.ValidText(e.Text), Ran: ran}
}

// causes are the errors that a code stands for on the other side, so that errors.Is works across the wire.
var causes = map[codes.Code]error{
	codes.DeadlineExceeded: context.DeadlineExceeded,
	codes.Canceled:         context.Canceled,
	codes.DataLoss:         ErrOwnerGone,
}

// fromStatus is toStatus in reverse.
func fromStatus(s *agentpb.Status, worker string) *Error {
	code := codes.Code(s.GetCode())
	if code == codes.OK {
		code = codes.Unknown
	}
	return &Error{Code: code, Worker: worker, Text: s.GetMessage(), Ran: s.GetRan(), Err: causes[code]}
}
