package shm

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"time"
)

// keepBuffer is the largest buffer that a reader keeps for the records to come.
const keepBuffer = 256 << 10

// longestSleep is after how long a sleeping reader wakes by itself. The peer can write the word that the reader sleeps
// on, and move sleepers to another word, so no notification is sure to arrive.
const longestSleep = 2 * time.Second

// RingReader is the reading end of a ring. Next and Read are for one caller at a time, the rest for any.
type RingReader struct {
	receiver *Receiver
	head     []byte
	data     []byte
	limit    int
	sleeps   time.Duration // at most, before it wakes by itself; longestSleep

	at atomic.Uint64 // position of the next byte; set by the caller of Next

	// The caller's of Next.
	length     [ringLength]byte
	lengthRead int    // bytes of the length that there are
	record     []byte // what there is of the record
	buffer     []byte

	backoff             spinBackoff
	interrupted, closed atomic.Bool
	end                 atomic.Pointer[uint64] // position at which nothing more is read; nil until Finish
}

// OpenRing opens the receiver's only ring, at a region. A record of more than limit bytes is an error.
func (r *Receiver) OpenRing(p Region, limit int) (*RingReader, error) {
	if p.Capacity != ringCapacity {
		return nil, fmt.Errorf("shm: a ring in a file of %d bytes, expected %d", p.Capacity, ringCapacity)
	}
	r.closeMu.RLock()
	defer r.closeMu.RUnlock()
	m, err := r.find(p)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closing {
		return nil, os.ErrClosed
	}
	if r.ring != nil {
		return nil, errors.New("shm: a second ring")
	}
	r.ring = &RingReader{receiver: r, head: m.head, data: m.data, limit: limit, sleeps: longestSleep}
	return r.ring, nil
}

// Read waits for the next record, which is good until the next Read, and does not sleep before it has looked for it for
// so long, on a machine that has a processor for that, and where it is not always in vain. It is io.EOF when there is no
// more after Finish, ErrInterrupted after Interrupt, which loses nothing, and os.ErrClosed after the receiver's Close;
// other errors are ErrBroken.
func (r *RingReader) Read(look time.Duration) ([]byte, error) {
	r.receiver.closeMu.RLock()
	defer r.receiver.closeMu.RUnlock()
	for {
		record, ok, err := r.next()
		switch {
		case ok || err != nil:
			return record, err
		case r.interrupted.Swap(false):
			return nil, ErrInterrupted
		}
		r.wait(look)
	}
}

// Next is Read that does not wait: ok is false when there is no record.
func (r *RingReader) Next() (record []byte, ok bool, err error) {
	r.receiver.closeMu.RLock()
	defer r.receiver.closeMu.RUnlock()
	return r.next()
}

func (r *RingReader) next() (record []byte, ok bool, err error) {
	for !r.closed.Load() {
		if end := r.end.Load(); end != nil && r.lengthRead == 0 && r.at.Load()-*end < 1<<63 {
			return nil, false, io.EOF // whatever the sender goes on to write
		}
		// Before there is nothing, as what came before the end counts.
		end := r.end.Load()
		n := r.written() - r.at.Load()
		switch {
		case n > ringSize:
			return nil, false, fmt.Errorf("%w: %d bytes in %d", ErrBroken, n, ringSize)
		case n == 0 && end != nil:
			return nil, false, io.EOF // in the middle of a record
		case n == 0:
			return nil, false, nil
		}
		if complete, err := r.take(n); complete || err != nil {
			return r.record, complete, err
		}
	}
	return nil, false, os.ErrClosed
}

// Wait waits, as Read does, until there may be a record for Next. It may also return without a reason, and does after the
// receiver's Close.
func (r *RingReader) Wait(look time.Duration) {
	r.receiver.closeMu.RLock()
	defer r.receiver.closeMu.RUnlock()
	r.wait(look)
}

func (r *RingReader) wait(look time.Duration) {
	if r.closed.Load() {
		return // the memory may have gone
	}
	if look > 0 && r.backoff.spins() && r.spin(look) {
		return
	}
	bell, asleep := word(r.head, ringBell), word(r.head, ringAsleep)
	before := atomic.LoadUint32(bell)
	atomic.AddUint32(asleep, 1)
	defer atomic.AddUint32(asleep, ^uint32(0))
	for !r.mustReturn() && !sleep(bell, before, r.sleeps) {
	}
}

// mustReturn says whether there is a reason not to wait.
func (r *RingReader) mustReturn() bool {
	return r.written() != r.at.Load() || r.closed.Load() || r.end.Load() != nil || r.interrupted.Load()
}

// spin waits without sleeping, for so long, and says whether there was something.
func (r *RingReader) spin(look time.Duration) bool {
	if !spinning.CompareAndSwap(false, true) {
		return false
	}
	defer spinning.Store(false)
	awake := word(r.head, ringAwake)
	atomic.StoreUint32(awake, 1)
	defer atomic.StoreUint32(awake, 0)
	start := time.Now()
	for time.Since(start) < look {
		if r.mustReturn() {
			r.backoff.hit()
			return true
		}
	}
	r.backoff.missed()
	return false
}

// Ready says whether there is something to read.
func (r *RingReader) Ready() bool {
	r.receiver.closeMu.RLock()
	defer r.receiver.closeMu.RUnlock()
	return !r.closed.Load() && r.written() != r.at.Load()
}

func (r *RingReader) written() uint64 { return atomic.LoadUint64(word64(r.data, ringWritten)) }

// take copies up to n bytes out, and says whether that completes the record.
func (r *RingReader) take(n uint64) (complete bool, err error) {
	defer r.freeRoom()
	if r.lengthRead < ringLength {
		if r.lengthRead == 0 {
			r.record = nil
		}
		got := r.copyOut(r.length[r.lengthRead:], n)
		r.lengthRead += got
		n -= uint64(got)
		if r.lengthRead < ringLength {
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
	r.lengthRead = 0
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
	at := r.at.Load()
	first := copy(dst, bytes[at%ringSize:])
	copy(dst[first:], bytes)
	r.at.Store(at + uint64(len(dst)))
	return len(dst)
}

func (r *RingReader) freeRoom() {
	atomic.StoreUint64(word64(r.head, ringRead), r.at.Load())
	if atomic.LoadUint32(word(r.head, ringBlocked)) != 0 {
		notify(r.head, ringRoom, ringBlocked, all)
	}
}

// Interrupt makes the Read in progress, or the next, return, unless there is something to read.
func (r *RingReader) Interrupt() {
	r.interrupted.Store(true)
	r.notify()
}

// Finish says that nothing is written any more: what is there is read, and then it is io.EOF.
func (r *RingReader) Finish() {
	r.receiver.closeMu.RLock()
	if !r.receiver.closed {
		end := r.written()
		r.end.Store(&end)
	}
	r.receiver.closeMu.RUnlock()
	r.notify()
}

func (r *RingReader) notify() {
	r.receiver.closeMu.RLock()
	defer r.receiver.closeMu.RUnlock()
	if !r.receiver.closed {
		notifyAll(r.head, ringBell)
	}
}

// close ends all waiting and reading. The caller must not hold the receiver's locks.
func (r *RingReader) close() {
	r.closed.Store(true)
	r.notify()
}
