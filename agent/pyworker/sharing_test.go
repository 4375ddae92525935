package pyworker_test

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/gopyrpc/gopyrpc/internal/pythontest"
)

// RRefs that four workers pass to each other at random, keep, ask and drop: every value is right while it
// is there, and none is left when all were dropped.
func TestSharing(t *testing.T) {
	workers := group(t, 4)
	var all sync.WaitGroup
	for rank, w := range workers {
		all.Go(func() {
			err := inside(t, w, "sharing", "share", rank, 60)
			assert.NoError(t, err, "%+v", err)
		})
	}
	all.Wait()
	for _, w := range workers {
		assert.NoError(t, inside(t, w, "sharing", "drop_all"))
	}
	for _, w := range workers {
		pythontest.Until(t, "no RRef is left at "+w.Agent().Name(), func() bool {
			s := w.Agent().Stats()
			return s.RRefsOwned == 0 && s.RRefsUsed == 0
		})
	}
}
