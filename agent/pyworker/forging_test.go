package pyworker_test

import (
	"fmt"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/agent"
	"github.com/gopyrpc/gopyrpc/agent/pyworker"
	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/internal/pythontest"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// TestForging runs every function of testdata/forging.py whose name begins with test_: what they try gains nothing, and
// leaves nothing behind.
func TestForging(t *testing.T) {
	workers := group(t, 2)
	for _, name := range casesOf(t, "forging") {
		t.Run(name, func(t *testing.T) {
			err := inside(t, workers[0], "forging", name)
			assert.NoError(t, err, "%+v", err)
		})
	}
}

// A guest has no RRefs to give. A function that serves a guest may use those that other workers give.
func TestForging_guests(t *testing.T) {
	workers := group(t, 2, func(_ int, c *pyworker.Config) { c.Guests = []string{"cli"} })
	guest, err := agent.New(agent.Config{
		Name: "cli", Rank: 7, Peers: []agent.Worker{{Name: "w0", Address: workers[0].Agent().Addr().String()}},
		Executor: agent.ExecutorFunc(nil), Logger: slog.New(slog.DiscardHandler),
	})
	require.NoError(t, err)
	served := make(chan error, 1)
	go func() { served <- guest.Serve() }()
	defer func() {
		_, err := guest.Shutdown(t.Context())
		assert.NoError(t, err)
		assert.NoError(t, <-served)
	}()
	for request, want := range map[string]string{
		`forging.request(forging.ask_another)`: "[1, 2]",
		`forging.request_with_fork("w0")`:      "cli is a guest here (Config.Guests, --guest), which has no RRefs to send",
	} {
		reply, err := guest.Call(t.Context(), "w0", agent.Request{Body: agent.Bytes(evaluated[[]byte](t, "forging", request))})
		require.NoError(t, err)
		got := evaluated[string](t, "forging", fmt.Sprintf("forging.outcome(bytes.fromhex('%x'))", reply.Body.Bytes()))
		assert.Contains(t, got, want)
	}
}

// evaluated is the value of an expression about a module in testdata.
func evaluated[T any](t *testing.T, module, expression string) (value T) {
	pythontest.With(t, func(tok gil.Token) {
		o := pythontest.Define(t, tok, "import "+module+"\nvalue = "+expression, "value")
		defer o.Release()
		var err error
		value, err = pybridge.As[T](tok, o)
		require.NoError(t, err)
	})
	return value
}
