package pyworker_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/agent"
	"github.com/gopyrpc/gopyrpc/agent/pyworker"
	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/handler"
	"github.com/gopyrpc/gopyrpc/internal/pythontest"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// What a worker leaves behind that has gone: errors that say so, at once, and nothing that hangs.
func TestOwnerHasGone(t *testing.T) {
	workers := group(t, 2, func(_ int, c *pyworker.Config) { c.StartTimeout = 1 })
	require.NoError(t, inside(t, workers[0], "parting", "prepare"))
	part(t, workers, workers[1])
	err := inside(t, workers[0], "parting", "check_gone")
	assert.NoError(t, err, "%+v", err)
}

// A graceful shutdown does not wait for a worker that has ended without one, if the leader had reached that at its address.
func TestShutdownNamesWhoHasGone(t *testing.T) {
	workers := group(t, 3)
	require.NoError(t, call(t.Context(), workers[0], "w2", "operator", "neg", 1))
	part(t, workers, workers[2])
	err := gil.With(t.Context(), func(tok gil.Token) error { // as w1, which Python knew of last
		m, err := pythontest.Runtime().Import(tok, "parting")
		if err != nil {
			return err
		}
		defer m.Release()
		result, err := m.CallMethod(tok, "check_shutdown_without")
		result.Release()
		return err
	})
	assert.NoError(t, err, "%+v", err)
}

// A worker that was shut down is closed for good, for Go and for Python.
func TestAfterShutdown(t *testing.T) {
	workers := group(t, 1)
	require.NoError(t, inside(t, workers[0], "parting", "keep_own"))
	part(t, workers, workers[0])
	_, err := workers[0].RunUDF(t.Context(), "w0", handler.Payload{Data: []byte("x")})
	assert.ErrorIs(t, err, agent.ErrClosed)

	other := group(t, 1)
	err = inside(t, other[0], "parting", "check_kept_is_closed")
	assert.NoError(t, err, "%+v", err)
}

// A pickle that cannot be read is the caller's affair, and told it.
func TestGarbage(t *testing.T) {
	workers := group(t, 2)
	for _, data := range []string{"", "garbage", "\x80\x05", "gopW", "gopW\x01\x00\x00\x00\xff\xff\xff\xff", "\x80\x05N."} {
		p, err := workers[0].RunUDF(t.Context(), "w1", handler.Payload{Data: []byte(data)})
		if err != nil {
			assert.ErrorContains(t, err, "InvalidArgument", "%q", data)
			continue
		}
		result, err := workers[0].Handler().Deserialize(t.Context(), p)
		require.NoError(t, err, "%q", data)
		var e *pybridge.Error
		assert.ErrorAs(t, workers[0].Handler().HandleException(t.Context(), result), &e, "%q", data)
		result.Release()
	}
	assert.NoError(t, inside(t, workers[0], "cases", "test_rpc_sync"))
}

func TestConfigIsChecked(t *testing.T) {
	_, err := pyworker.New(t.Context(), pythontest.Runtime(), pyworker.Config{Config: agent.Config{
		Executor: agent.ExecutorFunc(nil),
	}})
	assert.ErrorContains(t, err, "Config.Executor is set")
	_, err = pyworker.New(t.Context(), pythontest.Runtime(), pyworker.Config{Config: agent.Config{Name: "a b"}})
	assert.ErrorContains(t, err, "is no name for a worker")
	_, err = pyworker.New(t.Context(), pythontest.Runtime(), pyworker.Config{Config: agent.Config{Name: "w0", Listen: "0.0.0.0:0"}})
	assert.ErrorIs(t, err, agent.ErrInsecure)
}

// The policy is held to while a request is read, and for the methods of what RRefs refer to.
func TestPolicy(t *testing.T) {
	workers := group(t, 2, func(rank int, c *pyworker.Config) {
		if rank == 1 {
			c.Policy = &agent.Policy{Default: []string{"math", "parting:Account", "parting:Account.balance", "parting:Account.__len__", "listed", "parting:echo"}}
		}
	})
	err := inside(t, workers[0], "parting", "check_policy")
	assert.NoError(t, err, "%+v", err)
}
