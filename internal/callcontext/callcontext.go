// Package callcontext is what a context says of the calls into Python that are made with it: their label, and whether
// the caller waits for them when the context has ended. Package gil has what users set.
package callcontext

import "context"

type labelKey struct{}

// WithLabel names what the calls with the context do in Python.
func WithLabel(ctx context.Context, name string) context.Context {
	return context.WithValue(ctx, labelKey{}, name)
}

// Label is the name of the calls, for reports and diagnostics.
func Label(ctx context.Context) string {
	if name, ok := ctx.Value(labelKey{}).(string); ok {
		return name
	}
	return "python call"
}

type completionKey struct{}

// A Completion says that the caller waits for its call to return, whatever becomes of the context.
type Completion struct{ entered func() }

var plain = new(Completion)

// WaitForCompletion makes the calls with the context wait for Python when the context has ended: a call is interrupted
// then, but its caller does not leave it. Where entered is not nil, each pycall.Bytes with the context calls
// it when the call has its permit, right before it enters Python; such a call shares no batch with others. The function
// runs on the goroutine that makes the call, and must not wait, nor enter Python.
func WaitForCompletion(ctx context.Context, entered func()) context.Context {
	c := plain
	if entered != nil {
		c = &Completion{entered}
	}
	return context.WithValue(ctx, completionKey{}, c)
}

// CompletionOf is nil for a context whose calls are left when it ends.
func CompletionOf(ctx context.Context) *Completion {
	c, _ := ctx.Value(completionKey{}).(*Completion)
	return c
}

// Entered is what is to be called when a call begins, nil for nothing. The Completion may be nil.
func (c *Completion) Entered() func() {
	if c == nil {
		return nil
	}
	return c.entered
}
