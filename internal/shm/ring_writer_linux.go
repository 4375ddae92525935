package shm

import (
	"encoding/binary"
	"errors"
	"os"
	"sync/atomic"
	"time"
)

// A writer that has waited for room for stall calls its stalled function, and again at least every maxStall.
const (
	stall    = 100 * time.Millisecond
	maxStall = time.Second
)

// RingWriter is the writing end of a ring.
type RingWriter struct {
	sender  *Sender
	file    *file
	head    []byte
	data    []byte
	at      uint64 // position of the next byte; the caller's of Write
	mapped  bool   // by the reader, too; likewise
	stalled func() error
	closed  atomic.Bool
}

// OpenRing makes the sender's only ring and returns its region. It is false when there is no memory for the ring.
// Stalled is called while a Write waits for room and nothing is read; its error is the Write's.
func (s *Sender) OpenRing(stalled func() error) (*RingWriter, Region, bool) {
	s.closeMu.RLock()
	defer s.closeMu.RUnlock()
	if s.closed {
		return nil, Region{}, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ring != nil || s.closing {
		return nil, Region{}, false
	}
	f, err := s.create(ringCapacity)
	if err != nil {
		return nil, Region{}, false
	}
	f.ring = true
	f.generation++
	s.ring = &RingWriter{sender: s, file: f, head: f.mapped[:headSize], data: f.mapped[headSize:], stalled: stalled}
	return s.ring, f.region(), true
}

// Write appends a record, and wakes a reader. It waits while there is no room, for one that is larger than the ring
// also after it has begun. One caller at a time; an error is final.
func (w *RingWriter) Write(record [][]byte) error {
	w.sender.closeMu.RLock()
	defer w.sender.closeMu.RUnlock()
	err := w.append(record)
	if err == nil {
		w.notify()
	}
	return err
}

// Append is Write without the notification, unless there was no room: a reader that sleeps finds the record with the
// next one, or after a Notify.
func (w *RingWriter) Append(record [][]byte) error {
	w.sender.closeMu.RLock()
	defer w.sender.closeMu.RUnlock()
	return w.append(record)
}

// append writes a record. The caller must hold the sender's closeMu for reading.
func (w *RingWriter) append(record [][]byte) error {
	if w.closed.Load() {
		return os.ErrClosed
	}
	var length [ringLength]byte
	binary.LittleEndian.PutUint32(length[:], uint32(sizeOf(record)))
	if err := w.put(length[:]); err != nil {
		return err
	}
	for _, part := range record {
		if err := w.put(part); err != nil {
			return err
		}
	}
	w.publish()
	w.closeDescriptor()
	return nil
}

// Notify wakes a reader if one sleeps. Any goroutine may call it.
func (w *RingWriter) Notify() {
	w.sender.closeMu.RLock()
	defer w.sender.closeMu.RUnlock()
	if !w.closed.Load() {
		w.notify()
	}
}

// closeDescriptor closes the file's once the reader has mapped it: processes have few.
func (w *RingWriter) closeDescriptor() {
	if w.mapped || atomic.LoadUint64(word64(w.head, ringRead)) == 0 {
		return
	}
	w.mapped = true
	w.sender.mu.Lock()
	defer w.sender.mu.Unlock()
	w.file.closeDescriptor()
}

// HasRoom says whether a record of n bytes can be written without waiting.
func (w *RingWriter) HasRoom(n int) bool {
	w.sender.closeMu.RLock()
	defer w.sender.closeMu.RUnlock()
	if w.closed.Load() {
		return true // it will fail at once
	}
	room, err := w.room()
	return err != nil || room >= n+ringLength
}

func (w *RingWriter) put(b []byte) error {
	for len(b) > 0 {
		room, err := w.room()
		if err != nil {
			return err
		}
		if room == 0 {
			w.publish()
			w.notify()
			if err := w.waitForRoom(); err != nil {
				return err
			}
			continue
		}
		ring := w.data[ringStart:ringCapacity]
		n := copy(ring[w.at%ringSize:], b[:min(room, len(b))])
		b = b[n:]
		w.at += uint64(n)
	}
	return nil
}

// room is what the reader has left. It writes the position, so it may claim to have read what it has not, and
// reads something else then.
func (w *RingWriter) room() (int, error) {
	used := w.at - atomic.LoadUint64(word64(w.head, ringRead))
	if used > ringSize {
		return 0, errors.New("shm: the reader of a ring is ahead of its writer")
	}
	return int(ringSize - used), nil
}

func (w *RingWriter) publish() { atomic.StoreUint64(word64(w.data, ringWritten), w.at) }

func (w *RingWriter) notify() {
	if atomic.LoadUint32(word(w.head, ringAwake)) != 0 {
		return // it looks once more after it has said that it does not any more
	}
	notify(w.head, ringBell, ringAsleep, 1)
}

func (w *RingWriter) waitForRoom() error {
	bell, blocked := word(w.head, ringRoom), word(w.head, ringBlocked)
	for patience := stall; ; patience = min(2*patience, maxStall) {
		before := atomic.LoadUint32(bell)
		atomic.StoreUint32(blocked, 1)
		if w.closed.Load() {
			return os.ErrClosed
		}
		if n, err := w.room(); n > 0 || err != nil {
			atomic.StoreUint32(blocked, 0)
			return err
		}
		if sleep(bell, before, patience) {
			continue
		}
		if err := w.stalled(); err != nil {
			return err
		}
	}
}

// close ends a Write that waits, and all later ones. The caller must not hold the sender's locks.
func (w *RingWriter) close() {
	w.closed.Store(true)
	w.sender.closeMu.RLock()
	defer w.sender.closeMu.RUnlock()
	if !w.sender.closed {
		notifyAll(w.head, ringRoom)
	}
}
