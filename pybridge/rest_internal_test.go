package pybridge

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestRestIsDue(t *testing.T) {
	const looks = int(restAfter / signalPeriod)
	var r rest
	times := func(n int, entries uint64) (due int) {
		for range n {
			if r.isDue(entries) {
				due++
			}
		}
		return due
	}
	assert.Zero(t, times(looks, 1), "the first look sees an entry")
	assert.Equal(t, 1, times(1, 1))
	assert.Zero(t, times(1000, 1), "once, however long nobody comes")
	for n := range uint64(100) {
		assert.Zero(t, times(looks-1, 2+n), "somebody comes before it is due")
	}
	assert.Equal(t, 1, times(1000, 1000))
}
