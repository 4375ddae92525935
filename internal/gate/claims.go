package gate

import "sync/atomic"

// Claims says of each job in a crossing whether it may still begin. Whoever runs the jobs, which may be code in
// C, changes a job's word from 0 to 1, atomically, before it runs it, leaves the job out where that fails, and
// else makes it the current one.
type Claims struct {
	words   []uint32
	current int32 // the job that runs, or ran last; -1 before the first
}

// What a job's word can be.
const (
	toCome   uint32 = iota // it waits
	begun                  // it runs, or is over
	gone                   // it will never begin here
	left                   // begun, and its caller has left
	notified               // over, and its caller has been told, or is about to be
)

// Words are the words, in the order of the jobs, and the place for the current one's index.
func (t *Claims) Words() (words []uint32, current *int32) { return t.words, &t.current }

// Take takes the turn of job i, which is to run then; false when it is not to.
func (t *Claims) Take(i int) bool {
	if !t.change(i, toCome, begun) {
		return false
	}
	atomic.StoreInt32(&t.current, int32(i))
	return true
}

func (t *Claims) change(i int, from, to uint32) bool {
	return atomic.CompareAndSwapUint32(&t.words[i], from, to)
}

func (t *Claims) is(i int, word uint32) bool { return atomic.LoadUint32(&t.words[i]) == word }

func (t *Claims) now() int { return int(atomic.LoadInt32(&t.current)) }

func (t *Claims) reset() { t.words, t.current = t.words[:0], -1 }
