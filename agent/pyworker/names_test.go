package pyworker_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/agent/pyworker"
	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/internal/pyname"
	"github.com/gopyrpc/gopyrpc/internal/pythontest"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// TestLaterTypeIsTheLaters: Go knows a Later by that name. Nothing else would say so if it were renamed or moved: a
// Later would be taken for a value.
func TestLaterTypeIsTheLaters(t *testing.T) {
	group(t, 1) // so that the package is there
	pythontest.With(t, func(tok gil.Token) {
		later := pythontest.Define(t, tok, "from gopyrpc._rpc import later\nvalue = later.Later(None)", "value")
		defer later.Release()
		kind, err := later.TypeName(tok)
		require.NoError(t, err)
		assert.Equal(t, pyworker.LaterType, kind)
	})
}

// TestWhatHandsOutOutcomesIsUninterruptible: the mark has come from the package to the bridge, which looks for it.
func TestWhatHandsOutOutcomesIsUninterruptible(t *testing.T) {
	group(t, 1)
	const marked = `
from gopyrpc._rpc import calls, event, future, pending
functions = pending.settle, calls.take_back, future.Future._deliver, future.Future._set, future.Future._become, event.Event.set
value = [f.__qualname__ for f in functions if id(f.__code__) not in masked]
`
	pythontest.With(t, func(tok gil.Token) {
		o := pythontest.Define(t, tok, "from "+pyname.Bridge+" import masked"+marked, "value")
		defer o.Release()
		without, err := pybridge.As[[]string](tok, o)
		require.NoError(t, err)
		assert.Empty(t, without)
	})
}
