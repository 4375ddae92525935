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
)

// Sentinels; compare with errors.Is.
var (
	// ErrClosed: this agent was shut down, or is on its way there. Closed is final.
	ErrClosed = rpcerr.ErrClosed
	// ErrUnknownWorker: no worker of the group has that name.
	ErrUnknownWorker = membership.ErrUnknown
	// ErrInsecure: the configuration would let anybody in.
	ErrInsecure = security.ErrInsecure
	// ErrOwnerGone: the worker that owned an RRef's value was restarted, or no longer has the value.
	ErrOwnerGone = rpcerr.ErrOwnerGone
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

func (e *Error) Error() string { return (*rpcerr.Error)(e).Error() }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// GRPCStatus is for status.FromError.
func (e *Error) GRPCStatus() *status.Status { return (*rpcerr.Error)(e).GRPCStatus() }

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
func ofRoom(e *rpcerr.Error) *Error { return (*Error)(e) }

func errClosed() *Error { return ofRoom(rpcerr.Closed()) }

// about names the peer and says whether the request may have run.
func (e *Error) about(worker string, ran bool) *Error {
	return ofRoom((*rpcerr.Error)(e).About(worker, ran))
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
	return ofRoom(rpcerr.From(err))
}

// temporary says whether an error may be gone the next time. What counts is the error that a call ended with, whatever that
// has as its cause.
func temporary(err error) bool { return rpcerr.Temporary((*rpcerr.Error)(asError(err))) }
