// Package rpcerr makes the errors with which the rooms of an agent refuse something, and calls end: a code of grpc, a text
// for people, and the cause. Package agent shows them as its own Error, which has the same fields.
package rpcerr

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Sentinels that agent exports.
var (
	ErrClosed    = errors.New("agent: closed")
	ErrOwnerGone = errors.New("agent: the RRef's value is gone")
)

// Error is a refusal, or how a call failed. status.FromError of grpc understands it.
type Error struct {
	Code   codes.Code
	Worker string // the peer that the call went to; empty if it is not about one
	Text   string
	Ran    bool  // the request may have run
	Err    error // the cause, where there is one in this process
}

func (e *Error) Error() string { return fmt.Sprintf("agent: %s: %s", e.Code, e.Message()) }

// Message is the text, with the worker.
func (e *Error) Message() string {
	if e.Worker == "" {
		return e.Text
	}
	return "worker " + e.Worker + ": " + e.Text
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// GRPCStatus is for status.FromError.
func (e *Error) GRPCStatus() *status.Status { return status.New(e.Code, ValidText(e.Message())) }

// About names the peer and says whether the request may have run.
func (e *Error) About(worker string, ran bool) *Error {
	out := *e
	out.Worker, out.Ran = worker, ran
	return &out
}

// Errorf makes an Error. Errors among args stand in the text without the prefix that [Inner] removes; the one of a
// single %w is the cause.
func Errorf(code codes.Code, format string, args ...any) *Error {
	args = slices.Clone(args)
	for i, arg := range args {
		if err, ok := arg.(error); ok {
			args[i] = Inner{err}
		}
	}
	err := fmt.Errorf(format, args...)
	cause := errors.Unwrap(err)
	if in, ok := cause.(Inner); ok {
		cause = in.error
	}
	return &Error{Code: code, Text: err.Error(), Err: cause}
}

// Closed is for what comes after the agent's end.
func Closed() *Error {
	return &Error{Code: codes.Unavailable, Text: "this agent was shut down", Err: ErrClosed}
}

// TheCall is what an error is about that has nothing more to say.
const TheCall = "the call"

// Ended makes an Error of the end of a context.
func Ended(err error, doing string) *Error {
	code := codes.Canceled
	if errors.Is(err, context.DeadlineExceeded) {
		code = codes.DeadlineExceeded
	}
	return &Error{Code: code, Text: doing + ": " + err.Error(), Err: err}
}

// From brings any error into the form that calls end with.
func From(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return Ended(err, TheCall)
	}
	if s, ok := status.FromError(err); ok {
		return &Error{Code: s.Code(), Text: s.Message(), Err: err}
	}
	return &Error{Code: codes.Unknown, Text: Within(err).Error(), Err: err}
}

// Temporary says whether an error may be gone the next time.
func Temporary(err error) bool {
	switch From(err).Code {
	case codes.Unavailable, codes.ResourceExhausted, codes.DeadlineExceeded:
		return true
	}
	return false
}

// Inner is an error within another one's text: the outer one already says that it is the agent's, and with which code
// a call ends.
type Inner struct{ error }

// Within makes err an Inner.
func Within(err error) Inner { return Inner{err} }

func (in Inner) Error() string {
	if s, ok := in.error.(interface{ GRPCStatus() *status.Status }); ok {
		return s.GRPCStatus().Message()
	}
	return strings.TrimPrefix(in.error.Error(), "agent: ")
}

func (in Inner) Unwrap() error { return in.error }

// ValidText is what may stand in a string field of the wire: anything else would make the whole frame unreadable.
func ValidText(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }
