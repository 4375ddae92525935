package shm

import (
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// Loan is a body where the sender has put it. The sender can write there, whatever it has agreed to.
type Loan struct {
	Bytes []byte // until Return

	receiver   *Receiver
	mapping    *mapping
	generation uint64
	over       atomic.Bool
}

// Lend is Read without the copy: n bytes, which stay where they are and nobody else's until they are returned,
// whatever happens to the receiver. Errors are Read's.
func (r *Receiver) Lend(p Place, n int64) (*Loan, error) {
	r.life.RLock()
	defer r.life.RUnlock()
	m, err := r.find(p)
	if err != nil {
		return nil, err
	}
	body, err := m.body(n)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	m.loans++
	r.mu.Unlock()
	return &Loan{Bytes: body, receiver: r, mapping: m, generation: p.Generation}, nil
}

// Return gives the place back. Again it does nothing. What is never returned stays readable for ever.
func (l *Loan) Return() {
	if !l.over.CompareAndSwap(false, true) {
		return
	}
	r := l.receiver
	r.life.RLock()
	defer r.life.RUnlock()
	if !r.closed {
		atomic.StoreUint64(generationIn(l.mapping.head), l.generation)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	l.mapping.loans--
	if r.closed {
		l.mapping.unmapUnlessLent()
	}
}

// unmapUnlessLent gives up what nobody will look at again. Called with Receiver.mu held, once the receiver is closed.
func (m *mapping) unmapUnlessLent() {
	if m.loans == 0 {
		_ = unix.Munmap(m.head)
		_ = unix.Munmap(m.data)
	}
}
