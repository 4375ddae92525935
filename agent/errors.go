package agent

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	agentpb "github.com/gopyrpc/gopyrpc/agent/proto"
)

// Sentinels; compare with errors.Is.
var (
	// ErrClosed: this agent was shut down, or is on its way there. Closed is final.
	ErrClosed = errors.New("agent: closed")
	// ErrUnknownWorker: no worker of the group has that name.
	ErrUnknownWorker = errors.New("agent: unknown worker")
	// ErrInsecure: the configuration would let anybody in.
	ErrInsecure = errors.New("agent: insecure configuration")
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
func (e *Error) GRPCStatus() *status.Status { return status.New(e.Code, validText(e.message())) }

func failure(code codes.Code, format string, args ...any) *Error {
	args = slices.Clone(args)
	for i, arg := range args {
		if err, ok := arg.(error); ok {
			args[i] = inner{err}
		}
	}
	err := fmt.Errorf(format, args...)
	cause := errors.Unwrap(err)
	if in, ok := cause.(inner); ok {
		cause = in.error
	}
	return &Error{Code: code, Text: err.Error(), Err: cause}
}

// inner is an error within another one's text: the outer one says that it is the agent's, and with which code a call ends.
type inner struct{ error }

func (in inner) Error() string {
	if e, ok := in.error.(*Error); ok {
		return e.message()
	}
	if s, ok := in.error.(interface{ GRPCStatus() *status.Status }); ok {
		return s.GRPCStatus().Message()
	}
	return strings.TrimPrefix(in.error.Error(), "agent: ")
}

func (in inner) Unwrap() error { return in.error }

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
func ended(err error, doing string) *Error {
	code := codes.Canceled
	if errors.Is(err, context.DeadlineExceeded) {
		code = codes.DeadlineExceeded
	}
	return &Error{Code: code, Text: doing + ": " + err.Error(), Err: err}
}

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
	if errors.As(err, &e) {
		return e
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return ended(err, theCall)
	}
	if s, ok := status.FromError(err); ok {
		return &Error{Code: s.Code(), Text: s.Message(), Err: err}
	}
	return &Error{Code: codes.Unknown, Text: inner{err}.Error(), Err: err}
}

// toStatus is what the peer gets to know of an error.
func toStatus(err error, ran bool) *agentpb.Status {
	e := asError(err)
	code := e.Code
	if code == codes.OK { // an Error made by hand; a failure must be one
		code = codes.Unknown
	}
	return &agentpb.Status{Code: int32(code), Message: validText(e.Text), Ran: ran}
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

// validText is what may stand in a string field: anything else would make the whole frame unreadable.
func validText(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }
