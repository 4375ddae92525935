package handler_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/handler"
	"github.com/gopyrpc/gopyrpc/internal/pythontest"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// TestNewFails names the module and what is wrong with it, and leaves nothing behind.
func TestNewFails(t *testing.T) {
	before := pybridge.Owned()
	for _, c := range []struct {
		name  string
		opts  []handler.Option
		class pybridge.Class
		texts []string
	}{
		{"missing module", []handler.Option{handler.WithModule("not_there")}, pybridge.ModuleNotFoundError, []string{"rpc module not_there:", "No module named 'not_there'"}},
		{"missing and useless names", []handler.Option{handler.WithModule("bare_rpc")}, pybridge.AttributeError, []string{
			"rpc module bare_rpc:", "it has no _run_function", "it has no _handle_exception", "its serialize is not callable", "its deserialize is not callable",
		}},
		{"another module", []handler.Option{handler.WithModule("math")}, pybridge.AttributeError, []string{"it has no _run_function", "it has no serialize"}},
		{"no name", []handler.Option{handler.WithModule("")}, pybridge.ValueError, []string{"Empty module name"}},
		{"allow-list of another module", []handler.Option{handler.WithModule("math"), handler.WithAllow("x")}, pybridge.ValueError, []string{"an allow-list works with gopyrpc.internal only"}},
	} {
		h, err := handler.New(t.Context(), pythontest.Runtime(), c.opts...)
		assert.Nil(t, h, c.name)
		require.ErrorIs(t, err, c.class, c.name)
		for _, text := range c.texts {
			assert.ErrorContains(t, err, text, c.name)
		}
	}
	assert.Equal(t, before, pybridge.Owned(), "%v", pybridge.Leaks())
}

func TestModuleIsWhatWasNamed(t *testing.T) {
	assert.Equal(t, handler.OwnModule, newHandler(t).Module())
}

// TestNewThatIsLate leaves an import that takes longer than its caller waits to itself: it goes on, and
// what it cached is dropped.
func TestNewThatIsLate(t *testing.T) {
	d := newDoor()
	setHook(t, d.pass)
	pythontest.With(t, func(tok gil.Token) { value(t, tok, "sys.modules.pop('slow_rpc', None)") }) // -count
	before := pybridge.Owned()
	ctx, cancel := context.WithCancel(t.Context())
	end := make(chan error, 1)
	go func() {
		h, err := handler.New(ctx, pythontest.Runtime(), handler.WithModule("slow_rpc"))
		assert.Nil(t, h)
		end <- err
	}()
	<-d.entered
	cancel()
	require.ErrorIs(t, <-end, context.Canceled)
	close(d.leave)
	require.NoError(t, pythontest.Runtime().OnOwner(t.Context(), func(gil.Token) error { return nil }), "the owner is done with it")
	assert.Equal(t, before, pybridge.Owned(), "%v", pybridge.Leaks())
}

// TestNew_wrongEntry: a mistyped entry is an error, of Go's, before Python is asked.
func TestNew_wrongEntry(t *testing.T) {
	before := calls()
	h, err := handler.New(t.Context(), pythontest.Runtime(), handler.WithAllow("good", "not good"))
	assert.Nil(t, h)
	assert.ErrorContains(t, err, `rpc module gopyrpc.internal: bad allow-list entry "not good"`)
	assert.ErrorContains(t, err, "module:qualname")
	assert.Equal(t, before, calls())
}
