package interrupt

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestWatcherThatBlocksHoldsUpNoOther: each function given to OnStall has a goroutine of its own.
func TestWatcherThatBlocksHoldsUpNoOther(t *testing.T) {
	var s stalls
	free, entered, over := make(chan struct{}), make(chan struct{}), make(chan struct{})
	calls := 0
	stopFirst := s.on(func(*Stall) {
		calls++ // one call at a time
		if calls == 1 {
			close(entered)
			<-free
			return
		}
		close(over)
	})
	told := make(chan *Stall, 2)
	stopSecond := s.on(func(present *Stall) { told <- present })
	s.begin("a test")
	<-entered
	assert.Equal(t, "a test", (<-told).Reason)
	s.end()
	assert.Nil(t, <-told)
	close(free)
	<-over // the first is told of the end when it can be
	stopFirst()
	stopSecond()
	s.begin("another")
	assert.Empty(t, told, "it was stopped")
}
