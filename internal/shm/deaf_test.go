//go:build linux

package shm

import (
	"io"
	"os"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// futexRequeue moves who sleeps on one word to another.
const futexRequeue = 3

// moveSleepers has all who sleep on a word sleep on another instead, and says how many there were.
func moveSleepers(from, to *uint32) uintptr {
	n, _, _ := syscall.RawSyscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(from)), futexRequeue, 0, all, uintptr(unsafe.Pointer(to)), 0)
	return n
}

// sleepingRead has the reader sleep in a Read, of which err is the outcome.
func sleepingRead(t *testing.T, w *RingWriter, r *RingReader) (err chan error) {
	t.Helper()
	err = make(chan error, 1)
	go func() {
		_, failed := r.Read(0)
		err <- failed
	}()
	bell := word(w.head, ringBell)
	require.Eventually(t, func() bool { return moveSleepers(bell, bell) == 1 }, time.Minute, time.Millisecond, "the reader never slept")
	return err
}

// A peer that spoils the words by which a reader is woken does not keep it from ending.
func TestDeafReaderEnds(t *testing.T) {
	ends := []struct {
		name string
		end  func(*RingReader)
		err  error
	}{
		{"Finish", (*RingReader).Finish, io.EOF},
		{"Interrupt", (*RingReader).Interrupt, ErrInterrupted},
		{"Close", func(r *RingReader) { r.receiver.Close() }, os.ErrClosed},
	}
	for _, e := range ends {
		t.Run("who sleeps is denied/"+e.name, func(t *testing.T) {
			w, r := ringPair(t)
			r.sleeps = time.Hour // so that it must be woken
			read := sleepingRead(t, w, r)
			atomic.StoreUint32(word(w.head, ringAsleep), 0)
			e.end(r)
			assert.ErrorIs(t, <-read, e.err)
		})
		t.Run("who sleeps is moved away/"+e.name, func(t *testing.T) {
			t.Parallel() // as it sleeps to the end
			w, r := ringPair(t)
			read := sleepingRead(t, w, r)
			require.EqualValues(t, 1, moveSleepers(word(w.head, ringBell), word(w.head, ringRoom)))
			e.end(r)
			assert.ErrorIs(t, <-read, e.err)
		})
	}
}

// A writer that waits for room ends with its sender, also where the peer denies that it waits.
func TestDeniedWriterEnds(t *testing.T) {
	s, r := pair(t)
	w, _ := openRing(t, s, r, noStall)
	written := make(chan error, 1)
	go func() { written <- w.Write([][]byte{make([]byte, 2*ringSize)}) }()
	bell := word(w.head, ringRoom)
	require.Eventually(t, func() bool { return moveSleepers(bell, bell) == 1 }, time.Minute, time.Millisecond)
	atomic.StoreUint32(word(w.head, ringBlocked), 0)
	s.Close()
	assert.ErrorIs(t, <-written, os.ErrClosed)
}
