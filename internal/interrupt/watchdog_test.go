//go:build go1.25

package interrupt

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
)

// TestRoundsDoNotMultiply: while one call is stuck others come and go, and each has a round of its own; but what is
// stuck is looked at as often as before.
func TestRoundsDoNotMultiply(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWatchdog()
		rounds := func() int {
			w.mu.Lock()
			defer w.mu.Unlock()
			return w.rounds
		}
		stuck := new(Call)
		w.watch(stuck)
		for range 100 {
			<-time.After(10 * time.Millisecond)
			other := new(Call)
			other.End()
			w.watch(other)
		}
		synctest.Wait()
		before := rounds()
		<-time.After(40 * Patience)
		synctest.Wait()
		assert.InDelta(t, 40, rounds()-before, 10)
		stuck.End()
		<-time.After(2 * Patience)
		synctest.Wait()
		before = rounds()
		<-time.After(40 * Patience)
		assert.Equal(t, before, rounds(), "nobody is left")
	})
}
