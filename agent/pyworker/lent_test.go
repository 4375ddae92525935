package pyworker_test

import (
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/agent"
	"github.com/gopyrpc/gopyrpc/agent/pyworker"
	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/internal/pythontest"
)

// TestAnAgentThatCannotBeGivesItsAddressBack: where a group meets, the next attempt of the program can listen.
func TestAnAgentThatCannotBeGivesItsAddressBack(t *testing.T) {
	config := pyworker.Config{Config: agent.Config{Logger: slog.New(slog.DiscardHandler)}}
	require.NoError(t, pyworker.Provide(t.Context(), pythontest.Runtime(), config))
	require.NoError(t, gil.With(t.Context(), func(tok gil.Token) error {
		f := pythontest.Define(t, tok, `
def attempt():
    import socket
    from gopyrpc._rpc import hosts
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        address = s.getsockname()
    try:
        hosts.starter().start("no name for a worker", 0, 1, 60.0, "127.0.0.1:%d" % address[1], "", True, True, False, {}, {})
    except Exception as exc:
        assert "is no name for a worker" in str(exc), exc
    else:
        raise AssertionError("it started")
    with socket.socket() as s:
        s.bind(address)
`, "attempt")
		defer f.Release()
		result, err := f.Call(tok)
		result.Release()
		return err
	}))
}
