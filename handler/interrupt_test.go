package handler_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/handler"
	"github.com/gopyrpc/gopyrpc/internal/pythontest"
)

// TestRunUDFInterrupted ends the context of a function that never returns by itself.
func TestRunUDFInterrupted(t *testing.T) {
	for _, module := range []string{handler.OwnModule, handler.TorchModule} {
		t.Run(module, func(t *testing.T) {
			h := newHandler(t)
			if module == handler.TorchModule {
				h = torchHandler(t)
			}
			d := newDoor()
			setHook(t, d.pass)
			p := pickled(t, h, "(u.hook_and_spin, (), {})")
			ctx, cancel := context.WithCancelCause(t.Context())
			got := start(ctx, h, p)
			<-d.entered
			close(d.leave)
			cancel(context.DeadlineExceeded)
			err := (<-got).err
			require.ErrorIs(t, err, context.Canceled)
			require.ErrorIs(t, err, context.DeadlineExceeded)
			var interrupted *gil.InterruptedError
			require.ErrorAs(t, err, &interrupted)
			assert.False(t, interrupted.Stuck)
			succeeded(t, h, "(u.greet, ('you',), {})")
			pythontest.Until(t, "it is over", func() bool { return len(gil.Stats().Stuck) == 0 })
		})
	}
}
