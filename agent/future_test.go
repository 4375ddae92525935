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
