//go:build !pydebug

package handler_test

import (
	"context"
	"fmt"
	"slices"

	"github.com/gopyrpc/gopyrpc/handler"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// lastRows change the state, so they are called when the others have been.
func lastRows() []row {
	return []row{
		{"handler.Handler.Cleanup", func(s state) error {
			switch {
			case s < running:
				return handler.ErrNoHandler
			case s == handlerDraining:
				return context.Canceled
			}
			return nil
		}, nil, func(c caller) error { return c.h.Cleanup(endedContext()) }},
	}
}

// closingRows are for the end, when nobody is inside and nothing is owned.
func closingRows() []row {
	return []row{
		{"pybridge.Runtime.Close", made(pybridge.ErrNotStarted, nil), nil, func(c caller) error { return c.closeAgain(c.rt.Close) }},
		{"pybridge.Runtime.Join", made(pybridge.ErrNotStarted, nil), nil, func(c caller) error {
			return c.closeAgain(func(ctx context.Context) error {
				_, err := c.rt.Join(ctx)
				return err
			})
		}},
	}
}

func allRows() []row { return slices.Concat(rows, lastRows(), closingRows()) }

func endedContext() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// closeAgain is nil where the error is that of the first Close.
func (w *world) closeAgain(closeRuntime func(context.Context) error) error {
	if w.joined == nil {
		return closeRuntime(context.Background())
	}
	<-w.joined
	if err := closeRuntime(endedContext()); fmt.Sprint(err) != fmt.Sprint(w.closeErr) {
		return fmt.Errorf("%w, and the first Close said: %w", err, w.closeErr)
	}
	return nil
}
