package shm

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"
)

// keepBuffer is the largest buffer that a reader keeps for the records to come.
const keepBuffer = 256 << 10

// RingReader is the reading end of a ring.
type RingReader struct {
	receiver *Receiver
	head     []byte
	data     []byte
	limit    int

	// The caller's of Read.
	at     uint64 // position of the next byte
	length [ringLength]byte
	known  int    // bytes of the length that there are
	record []byte // what there is of the record
	buffer []byte

	interrupted, closed atomic.Bool
	end                 atomic.Pointer[uint64] // position at which nothing more is read; nil until Finish
}

// OpenRing opens the ring at a place, of which a receiver has one. A record of more than limit bytes is an error.
func (r *Receiver) OpenRing(p Place, limit int) (*RingReader, error) {
	if p.Capacity != ringCapacity {
		return nil, fmt.Errorf("shm: a ring in a file of %d bytes, expected %d", p.Capacity, ringCapacity)
	}
	r.life.RLock()
	defer r.life.RUnlock()
	if r.closed {
		return nil, os.ErrClosed
	}
	m, err := r.find(p)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ring != nil {
		return nil, errors.New("shm: a second ring")
	}
	r.ring = &RingReader{receiver: r, head: m.head, data: m.data, limit: limit}
	return r.ring, nil
}

// Read waits for the next record, which is good until the next Read. It is io.EOF when there is no more after
// Finish, ErrInterrupted after Interrupt, which loses nothing, and os.ErrClosed after the receiver's Close; other errors are
// ErrBroken. One caller at a time.
func (r *RingReader) Read() ([]byte, error) {
	r.receiver.life.RLock()
	defer r.receiver.life.RUnlock()
	for {
		if r.closed.Load() {
			return nil, os.ErrClosed
		}
		n, err := r.available()
		if err != nil {
			return nil, err
		}
		if end := r.end.Load(); end != nil && r.known == 0 && r.at-*end < 1<<63 {
			return nil, io.EOF // whatever the sender goes on to write
		}
		if n == 0 {
			if err := r.wait(); err != nil {
				return nil, err
			}
			continue
		}
		complete, err := r.take(n)
		if err != nil {
			return nil, err
		}
		if complete {
			return r.record, nil
		}
	}
}

// Ready says whether there is something to read.
func (r *RingReader) Ready() bool {
	r.receiver.life.RLock()
	defer r.receiver.life.RUnlock()
	if r.closed.Load() {
		return false
	}
	read := atomic.LoadUint64(word64(r.head, ringRead))
	return atomic.LoadUint64(word64(r.data, ringWritten)) != read
}

func (r *RingReader) available() (uint64, error) {
	n := atomic.LoadUint64(word64(r.data, ringWritten)) - r.at
	if n > ringSize {
		return 0, fmt.Errorf("%w: %d bytes in %d", ErrBroken, n, ringSize)
	}
	return n, nil
}

// take copies up to n bytes out, and says whether that completes the record.
func (r *RingReader) take(n uint64) (complete bool, err error) {
	defer r.giveRoom()
	if r.known < ringLength {
		if r.known == 0 {
			r.record = nil
		}
		got := r.copyOut(r.length[r.known:], n)
		r.known += got
		n -= uint64(got)
		if r.known < ringLength {
			return false, nil
		}
		size := binary.LittleEndian.Uint32(r.length[:])
		if int64(size) > int64(r.limit) {
			return false, fmt.Errorf("%w: a record of %d bytes, allowed are %d", ErrBroken, size, r.limit)
		}
		r.record = r.room(int(size))
	}
	have := len(r.record)
	got := r.copyOut(r.record[have:cap(r.record)], n)
	r.record = r.record[:have+got]
	if len(r.record) < cap(r.record) {
		return false, nil
	}
	r.known = 0
	return true, nil
}

// room is an empty slice with the capacity of a record.
func (r *RingReader) room(size int) []byte {
	if size > keepBuffer {
		return make([]byte, 0, size)
	}
	if cap(r.buffer) < size {
		r.buffer = make([]byte, 0, max(2*size, 4096))
	}
	return r.buffer[:0:size]
}

// copyOut fills dst, with n bytes at most.
func (r *RingReader) copyOut(dst []byte, n uint64) int {
	dst = dst[:min(uint64(len(dst)), n)]
	bytes := r.data[ringStart:ringCapacity]
	first := copy(dst, bytes[r.at%ringSize:])
	copy(dst[first:], bytes)
	r.at += uint64(len(dst))
	return len(dst)
}

func (r *RingReader) giveRoom() {
	atomic.StoreUint64(word64(r.head, ringRead), r.at)
	if atomic.LoadUint32(word(r.head, ringBlocked)) != 0 {
		ring(r.head, ringRoom, ringBlocked)
	}
}

// wait sleeps until there may be something.
func (r *RingReader) wait() error {
	bell, asleep := word(r.head, ringBell), word(r.head, ringAsleep)
	before := atomic.LoadUint32(bell)
	atomic.StoreUint32(asleep, 1)
	defer atomic.StoreUint32(asleep, 0)
	if r.interrupted.Swap(false) {
		return ErrInterrupted
	}
	end := r.end.Load()
	if n, err := r.available(); n > 0 || err != nil || r.closed.Load() {
		return nil
	}
	if end != nil {
		return io.EOF
	}
	sleep(bell, before, 0)
	return nil
}

// Interrupt makes the Read in progress, or the next, return, unless there is something to read.
func (r *RingReader) Interrupt() {
	r.interrupted.Store(true)
	r.wake()
}

// Finish says that nothing is written any more: Read gives what is there, and then io.EOF.
func (r *RingReader) Finish() {
	r.receiver.life.RLock()
	defer r.receiver.life.RUnlock()
	if r.receiver.closed {
		return
	}
	end := atomic.LoadUint64(word64(r.data, ringWritten))
	r.end.Store(&end)
	ring(r.head, ringBell, ringAsleep)
}

func (r *RingReader) wake() {
	r.receiver.life.RLock()
	defer r.receiver.life.RUnlock()
	if !r.receiver.closed {
		ring(r.head, ringBell, ringAsleep)
	}
}

// close ends a Read that waits, and all to come. Called without the receiver's locks.
func (r *RingReader) close() {
	r.closed.Store(true)
	r.wake()
}
