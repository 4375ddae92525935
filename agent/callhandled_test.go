package agent_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/agent"
)

// TestCallHandled_isSomethingToDo until the handler says that it is over: a Join waits.
func TestCallHandled_isSomethingToDo(t *testing.T) {
	a, _ := pair(t, echo)
	for _, to := range []string{"w1", "w0"} {
		come := make(chan func(), 1)
		a.CallHandled(testContext(t), to, agent.Request{Body: agent.Bytes([]byte("x"))}, func(reply agent.Reply, err error, over func()) {
			assert.NoError(t, err)
			assert.Equal(t, agent.Bytes([]byte("x")), reply.Body)
			come <- over
		})
		over := <-come
		ended, cancel := context.WithCancel(context.Background())
		cancel()
		require.ErrorIs(t, a.WaitIdle(ended), context.Canceled)
		over()
		assert.NoError(t, a.WaitIdle(testContext(t)))
	}
}

// TestCallHandled_thatCannotBeMade has an outcome as well.
func TestCallHandled_thatCannotBeMade(t *testing.T) {
	a, _ := pair(t, echo)
	var handled error
	f := a.CallHandled(testContext(t), "w9", agent.Request{}, func(_ agent.Reply, err error, over func()) {
		handled = err
		over()
	})
	assert.ErrorIs(t, handled, agent.ErrUnknownWorker)
	_, err := f.Wait(testContext(t))
	assert.ErrorIs(t, err, agent.ErrUnknownWorker)
}
