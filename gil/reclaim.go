package gil

import (
	"github.com/gopyrpc/gopyrpc/internal/cpython"
	"github.com/gopyrpc/gopyrpc/internal/gate"
)

// A goroutine that ends while it holds a Guard ends its OS thread, whose destructor gives the GIL
// back. This is how its permit comes back: the gate asks for such permits while callers wait.
func init() {
	gate.Process.Reclaim(func() int {
		permit := cpython.Orphan()
		if permit != 0 {
			cpython.WakeDrainer() // the thread did not drop what was left to it
		}
		return permit
	})
}
