package handler_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/handler"
	"github.com/gopyrpc/gopyrpc/internal/pyname"
	"github.com/gopyrpc/gopyrpc/internal/pythontest"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// TestRunUDFInterrupted ends the context of a function that never returns by itself.
func TestRunUDFInterrupted(t *testing.T) {
	for _, module := range []string{handler.OwnModule, handler.TorchModule} {
		t.Run(module, func(t *testing.T) {
			h := newHandler(t)
			if module == handler.TorchModule {
				h = torchHandler(t)
			}
			p := pickled(t, h, "(u.hook_and_spin, (), {})")
			pythontest.Until(t, "Python is interrupted within a gil.Patience", func() bool { // which a busy machine may not grant it
				d := newDoor()
				setHook(t, d.pass)
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
				return !interrupted.Stuck
			})
			succeeded(t, h, "(u.greet, ('you',), {})")
			pythontest.Until(t, "it is over", func() bool { return len(gil.Stats().Stuck) == 0 })
		})
	}
}

const marksSource = `
import os, sys
import gopyrpc._introspect, gopyrpc._name, gopyrpc._run
from importlib import _bootstrap

bridge = sys.modules[%q]
dead = [
    mark for mark in bridge.UNTOUCHED
    if not (os.path.exists(mark) or any(f.__code__.co_filename.startswith(mark) for f in (_bootstrap._find_and_load, gopyrpc._run.call)))
]
if not gopyrpc._introspect.is_interruption(bridge.Interrupted()):
    dead.append("is_interruption")
if not gopyrpc._run.__name__.startswith(gopyrpc._name.MODULES):
    dead.append("MODULES")
`

// TestMarksOfInterruption: each file and folder that an interruption leaves alone is there, and the package knows an
// interruption by its class's name. Nothing else would say so if one were renamed.
func TestMarksOfInterruption(t *testing.T) {
	h := newHandler(t)
	d := newDoor()
	setHook(t, d.pass)
	ctx, cancel := context.WithCancel(t.Context())
	got := start(ctx, h, pickled(t, h, "(u.hook_and_spin, (), {})"))
	<-d.entered
	close(d.leave)
	cancel()
	require.ErrorIs(t, (<-got).err, context.Canceled) // what interrupts has been read by then
	pythontest.Until(t, "it is over", func() bool { return len(gil.Stats().Stuck) == 0 })
	pythontest.With(t, func(tok gil.Token) {
		o := pythontest.Define(t, tok, fmt.Sprintf(marksSource, pyname.Bridge), "dead")
		defer o.Release()
		dead, err := pybridge.As[[]string](tok, o)
		require.NoError(t, err)
		assert.Empty(t, dead)
		class := pythontest.Define(t, tok, fmt.Sprintf("import sys\nvalue = sys.modules[%q].Interrupted()", pyname.Bridge), "value")
		defer class.Release()
		kind, err := class.TypeName(tok)
		require.NoError(t, err)
		assert.Equal(t, string(pybridge.Interrupted), kind)
	})
}
