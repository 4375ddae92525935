package batch

import "sync/atomic"

// Claims says of each job of a batch whether it may still begin. A [Runner], which may be code in C, claims a job before it
// runs it: it changes the job's word from 0 to 1, atomically, leaves the job out where that fails, and else makes the job
// the current one.
type Claims struct {
	words   []uint32
	current int32 // the job that runs, or ran last; -1 before the first
}

// What a job's word can be.
const (
	waiting   uint32 = iota
	running          // it runs, or is done
	withdrawn        // it will never begin here
	abandoned        // it was running when its caller left
	notified         // done, and its caller has been notified, or is about to be
)

// Words returns the words, in the order of the jobs, and the place for the current job's index.
func (c *Claims) Words() (words []uint32, current *int32) { return c.words, &c.current }

// Take claims job i, which is to run then. It returns false where the job is not to run.
func (c *Claims) Take(i int) bool {
	if !c.change(i, waiting, running) {
		return false
	}
	atomic.StoreInt32(&c.current, int32(i))
	return true
}

func (c *Claims) change(i int, from, to uint32) bool {
	return atomic.CompareAndSwapUint32(&c.words[i], from, to)
}

func (c *Claims) is(i int, word uint32) bool { return atomic.LoadUint32(&c.words[i]) == word }

func (c *Claims) now() int { return int(atomic.LoadInt32(&c.current)) }

func (c *Claims) reset() { c.words, c.current = c.words[:0], -1 }
