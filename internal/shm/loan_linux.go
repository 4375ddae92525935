package shm

import (
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// Loan is a body that was not copied: it lies where the sender has put it, and the sender can still write there.
type Loan struct {
	Bytes []byte // until Free

	receiver   *Receiver
	mapping    *mapping
	generation uint64
	freed      atomic.Bool
}

// Lend is Read without the copy: the region's first n bytes, which the sender does not use again until the loan is
// freed, whatever happens to the receiver. Errors are Read's.
func (r *Receiver) Lend(p Region, n int64) (*Loan, error) {
	r.closeMu.RLock()
	defer r.closeMu.RUnlock()
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

// Free gives the region back to the sender. A second call does nothing. A loan that is never freed stays readable
// for ever.
func (l *Loan) Free() {
	if !l.freed.CompareAndSwap(false, true) {
		return
	}
	r := l.receiver
	r.closeMu.RLock()
	defer r.closeMu.RUnlock()
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

// unmapUnlessLent unmaps a file of which no loan is out. The receiver is closed, and the caller must hold Receiver.mu.
func (m *mapping) unmapUnlessLent() {
	if m.loans == 0 {
		_ = unix.Munmap(m.head)
		_ = unix.Munmap(m.data)
	}
}
