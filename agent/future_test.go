package agent

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestFuture_handle: the handler is called by who brings the outcome, which waiters have by then.
func TestFuture_handle(t *testing.T) {
	failure := errors.New("no")
	var handled func()
	f := &Future{done: make(chan struct{})}
	f.handle = func(_ Reply, err error, over func()) {
		require.Nil(t, handled, "once")
		assert.Equal(t, failure, err)
		_, waited := f.Wait(context.Background())
		assert.Equal(t, failure, waited)
		handled = over
	}
	ran := make(chan struct{})
	f.Then(func(Reply, error) { <-ran })
	require.True(t, f.decide())
	require.False(t, f.decide())
	over := make(chan struct{})
	f.complete(Reply{}, failure, func() { close(over) })
	require.NotNil(t, handled)
	handled()
	select {
	case <-over:
		assert.Fail(t, "a callback still runs")
	default:
	}
	close(ran)
	<-over
}

// TestCallHandled_isSomethingToDo until the handler says that it is over: a Join waits.
func TestCallHandled_isSomethingToDo(t *testing.T) {
	a, _ := pair(t, echo)
	for _, to := range []string{"w1", "w0"} {
		come := make(chan func(), 1)
		a.CallHandled(testContext(t), to, Request{Body: Bytes([]byte("x"))}, func(reply Reply, err error, over func()) {
			assert.NoError(t, err)
			assert.Equal(t, Bytes([]byte("x")), reply.Body)
			come <- over
		})
		over := <-come
		ended, cancel := context.WithCancel(context.Background())
		cancel()
		_, _, err := a.activity.WaitIdle(ended)
		require.ErrorIs(t, err, context.Canceled)
		over()
		_, _, err = a.activity.WaitIdle(testContext(t))
		assert.NoError(t, err)
	}
}

// TestCallHandled_thatCannotBeMade has an outcome as well.
func TestCallHandled_thatCannotBeMade(t *testing.T) {
	a, _ := pair(t, echo)
	var handled error
	f := a.CallHandled(testContext(t), "w9", Request{}, func(_ Reply, err error, over func()) {
		handled = err
		over()
	})
	assert.ErrorIs(t, handled, ErrUnknownWorker)
	_, err := f.Wait(testContext(t))
	assert.ErrorIs(t, err, ErrUnknownWorker)
}
