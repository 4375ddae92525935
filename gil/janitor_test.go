package gil_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/internal/pythontest"
)

func TestJanitorReleasesInIdleProcess(t *testing.T) {
	const source = `
import weakref
class Thing: pass
class Things:
    def __init__(self): self.alive = 0
    def make(self):
        thing = Thing()
        self.alive += 1
        weakref.finalize(thing, self.gone)
        return thing
    def gone(self): self.alive -= 1
things = Things()
`
	alive := func() (text string) {
		pythontest.With(t, func(tok gil.Token) {
			o, err := pythontest.Runtime().Import(tok, "gopyrpc_janitor_test")
			require.NoError(t, err)
			defer o.Release()
			n, err := o.Attr(tok, "alive")
			require.NoError(t, err)
			defer n.Release()
			text, err = n.Str(tok)
			require.NoError(t, err)
		})
		return text
	}
	const n = 3000 // several batches
	pythontest.With(t, func(tok gil.Token) {
		things := pythontest.Define(t, tok, source+"import sys\nsys.modules['gopyrpc_janitor_test'] = things", "things")
		for range n {
			thing, err := things.CallMethod(tok, "make")
			require.NoError(t, err)
			defer thing.Release()
		}
	})
	pythontest.Until(t, "the queue is empty", func() bool { return gil.Stats().Pending == 0 })
	// They have left the queue; the last of them may still be on their way out.
	pythontest.Until(t, "all are gone", func() bool { return alive() == "0" })
}
