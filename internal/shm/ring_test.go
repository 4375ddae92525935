//go:build linux

package shm

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	recordLimit = 1 << 20
	look        = 200 * time.Microsecond // before sleeping
)

func noStall() error { return nil }

func ringPair(t *testing.T) (*RingWriter, *RingReader) {
	t.Helper()
	s, r := pair(t)
	return openRing(t, s, r, noStall)
}

func openRing(t *testing.T, s *Sender, r *Receiver, stalled func() error) (*RingWriter, *RingReader) {
	t.Helper()
	w, p, ok := s.OpenRing(stalled)
	require.True(t, ok)
	reader, err := r.OpenRing(p, recordLimit)
	require.NoError(t, err)
	return w, reader
}

// record is one whose bytes tell which it is, in parts.
func record(rng *rand.Rand, n uint64) [][]byte {
	size := rng.IntN(200)
	switch rng.IntN(10) {
	case 0:
		size = rng.IntN(recordLimit) // many times the ring
	case 1:
		size = 0
	}
	whole := bytes.Repeat([]byte{byte(n), byte(n >> 8), byte(n >> 16)}, size/3+1)[:size]
	cut := rng.IntN(size + 1)
	return [][]byte{whole[:cut], nil, whole[cut:]}
}

func TestRecordsArriveInOrder(t *testing.T) {
	w, r := ringPair(t)
	const records = 3000
	done := make(chan error, 1)
	go func() {
		rng := rand.New(rand.NewPCG(1, 1))
		for n := range uint64(records) {
			if err := w.Write(record(rng, n)); err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	rng := rand.New(rand.NewPCG(1, 1))
	for n := range uint64(records) {
		want := bytes.Join(record(rng, n), nil)
		got, err := r.Read(look)
		require.NoError(t, err)
		require.True(t, bytes.Equal(want, got), "record %d of %d bytes", n, len(want))
	}
	require.NoError(t, <-done)
	assert.False(t, r.Ready())
	assert.Negative(t, w.file.fd, "the descriptor is not needed any more")
}

// TestReadersTakeTurns has readers interrupted at random, which must lose nothing.
func TestReadersTakeTurns(t *testing.T) {
	w, r := ringPair(t)
	const records = 5000
	var turn sync.Mutex
	var next atomic.Uint32
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for {
				turn.Lock()
				if next.Load() == records {
					turn.Unlock()
					return
				}
				got, err := r.Read(look)
				if err == nil {
					assert.Equal(t, []byte{byte(next.Load()), byte(next.Load() >> 8)}, got)
					next.Add(1)
				} else {
					assert.ErrorIs(t, err, ErrInterrupted)
				}
				turn.Unlock()
			}
		})
		wg.Go(func() {
			for next.Load() < records {
				r.Interrupt()
			}
		})
	}
	for n := range records {
		require.NoError(t, w.Write([][]byte{{byte(n), byte(n >> 8)}}))
	}
	wg.Wait()
	assert.EqualValues(t, records, next.Load())
}

// TestAppendWakesNobody, which Wake and the next Write do.
func TestAppendWakesNobody(t *testing.T) {
	w, r := ringPair(t)
	read := make(chan []byte)
	go func() {
		for {
			got, err := r.Read(0)
			if err != nil {
				close(read)
				return
			}
			read <- bytes.Clone(got)
		}
	}()
	asleep := func() {
		require.Eventually(t, func() bool { return atomic.LoadUint32(word(w.head, ringAsleep)) == 1 }, time.Minute, time.Millisecond)
	}
	for n := range byte(20) {
		asleep()
		bell := atomic.LoadUint32(word(w.head, ringBell))
		require.NoError(t, w.Append([][]byte{{n}}))
		require.NoError(t, w.Append([][]byte{{n}, {n}}))
		assert.Equal(t, bell, atomic.LoadUint32(word(w.head, ringBell)))
		if n%2 == 0 {
			w.Notify()
		} else {
			require.NoError(t, w.Write([][]byte{{n}, {n}, {n}}))
		}
		assert.NotEqual(t, bell, atomic.LoadUint32(word(w.head, ringBell)))
		assert.Equal(t, []byte{n}, <-read)
		assert.Equal(t, []byte{n, n}, <-read)
		if n%2 != 0 {
			assert.Equal(t, []byte{n, n, n}, <-read)
		}
	}
	w.Notify() // nobody, or for nothing
	r.Finish()
	assert.Nil(t, <-read)
}

func TestInterruptIsKept(t *testing.T) {
	w, r := ringPair(t)
	r.Interrupt()
	_, err := r.Read(look)
	require.ErrorIs(t, err, ErrInterrupted)
	r.Interrupt()
	require.NoError(t, w.Write([][]byte{{1}}))
	got, err := r.Read(look)
	require.NoError(t, err, "what is there comes first")
	assert.Equal(t, []byte{1}, got)
}

func TestFinishedRingIsReadToItsEnd(t *testing.T) {
	w, r := ringPair(t)
	require.NoError(t, w.Write([][]byte{{1}}))
	require.NoError(t, w.Write([][]byte{{2}}))
	r.Finish()
	require.NoError(t, w.Write([][]byte{{3}}), "too late")
	for n := range 2 {
		got, err := r.Read(look)
		require.NoError(t, err)
		assert.Equal(t, []byte{byte(n + 1)}, got)
	}
	for range 2 {
		_, err := r.Read(look)
		require.Equal(t, io.EOF, err)
	}
}

func TestFinishWakesTheReader(t *testing.T) {
	_, r := ringPair(t)
	read := make(chan error)
	go func() {
		_, err := r.Read(look)
		read <- err
	}()
	r.Finish()
	assert.Equal(t, io.EOF, <-read)
}

func TestFullRingIsReported(t *testing.T) {
	s, r := pair(t)
	stalled := make(chan struct{}, 100)
	w, reader := openRing(t, s, r, func() error { stalled <- struct{}{}; return nil })
	written := make(chan error)
	go func() { written <- w.Write([][]byte{make([]byte, ringSize+1)}) }()
	<-stalled
	assert.True(t, reader.Ready())
	got, err := reader.Read(look)
	require.NoError(t, err)
	assert.Len(t, got, ringSize+1)
	require.NoError(t, <-written)
}

func TestStallEndsTheWrite(t *testing.T) {
	s, r := pair(t)
	gone := errors.New("gone")
	calls := 0
	w, _ := openRing(t, s, r, func() error {
		if calls++; calls < 2 {
			return nil
		}
		return gone
	})
	assert.ErrorIs(t, w.Write([][]byte{make([]byte, 2*ringSize)}), gone)
	assert.Equal(t, 2, calls)
}

func TestHasRoom(t *testing.T) {
	w, r := ringPair(t)
	assert.True(t, w.HasRoom(ringSize-ringLength))
	assert.False(t, w.HasRoom(ringSize-ringLength+1))
	require.NoError(t, w.Write([][]byte{make([]byte, 1000)}))
	assert.False(t, w.HasRoom(ringSize-ringLength))
	_, err := r.Read(look)
	require.NoError(t, err)
	assert.True(t, w.HasRoom(ringSize-ringLength))
}

func TestCloseEndsReadersAndWriters(t *testing.T) {
	for range 50 {
		s, r := pair(t)
		w, reader := openRing(t, s, r, noStall)
		_, other := ringPair(t)
		ends := make(chan error, 2)
		go func() { ends <- w.Write([][]byte{make([]byte, 2*ringSize)}) }()
		go func() {
			_, err := other.Read(look)
			ends <- err
		}()
		s.Close()
		other.receiver.Close()
		for range 2 {
			assert.ErrorIs(t, <-ends, os.ErrClosed)
		}
		r.Close()
		reader.Interrupt()
		reader.Finish()
		_, err := reader.Read(look)
		assert.ErrorIs(t, err, os.ErrClosed)
		assert.False(t, reader.Ready())
		assert.ErrorIs(t, w.Write(nil), os.ErrClosed)
		assert.True(t, w.HasRoom(1))
	}
}

// TestClosedRingIsNotTouched calls everything once the memory is gone, where a look at it would end the process.
func TestClosedRingIsNotTouched(t *testing.T) {
	s, r := pair(t)
	w, reader := openRing(t, s, r, noStall)
	s.Close()
	r.Close()
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	for name, call := range map[string]func(){
		"Wait":       func() { reader.Wait(0) },
		"eager Wait": func() { reader.Wait(look) },
		"Read":       func() { _, _ = reader.Read(look) },
		"Next":       func() { _, _, _ = reader.Next() },
		"Ready":      func() { reader.Ready() },
		"Append":     func() { _ = w.Append([][]byte{{1}}) },
		"Wake":       w.Notify,
		"Interrupt":  reader.Interrupt,
		"Finish":     reader.Finish,
		"Write":      func() { _ = w.Write([][]byte{{1}}) },
		"HasRoom":    func() { w.HasRoom(1) },
		"close":      func() { reader.close(); w.close() },
	} {
		assert.NotPanics(t, call, name)
	}
}

// TestWaitBesideClose has readers wait, as the agent's do, in every moment of a Close.
func TestWaitBesideClose(t *testing.T) {
	for range 1000 {
		s, r := pair(t)
		_, reader := openRing(t, s, r, noStall)
		var waiting sync.WaitGroup
		for _, look := range []time.Duration{look, 0} {
			waiting.Go(func() {
				for {
					if _, _, err := reader.Next(); err != nil {
						assert.ErrorIs(t, err, os.ErrClosed)
						return
					}
					reader.Wait(look)
				}
			})
		}
		waiting.Go(r.Close)
		waiting.Wait()
	}
}

func TestOneRingForEachDirection(t *testing.T) {
	s, r := pair(t)
	_, p, ok := s.OpenRing(noStall)
	require.True(t, ok)
	_, _, ok = s.OpenRing(noStall)
	assert.False(t, ok)
	_, err := r.OpenRing(p, recordLimit)
	require.NoError(t, err)
	_, err = r.OpenRing(p, recordLimit)
	assert.ErrorContains(t, err, "a second ring")
	_, err = r.OpenRing(put(t, s, []byte("body")), recordLimit)
	assert.ErrorContains(t, err, "a ring in a file of 262144 bytes, expected 266240")
}

// A ring is no file for bodies, whatever its reader says in the head.
func TestRingIsNotUsedForBodies(t *testing.T) {
	s, r := pair(t)
	w, _ := openRing(t, s, r, noStall)
	*word64(w.head, 0) = 1
	put(t, s, make([]byte, 1000))
	assert.Len(t, s.files, 2)
	s.freeIdle()
}

// TestLiesOfThePeer has each side write nonsense where the other reads.
func TestLiesOfThePeer(t *testing.T) {
	t.Run("written", func(t *testing.T) {
		w, r := ringPair(t)
		*word64(w.data, ringWritten) = ringSize + 1
		_, err := r.Read(look)
		assert.EqualError(t, err, "shm: a broken ring: 262145 bytes in 262144")
	})
	t.Run("backwards", func(t *testing.T) {
		w, r := ringPair(t)
		require.NoError(t, w.Write([][]byte{{1}}))
		_, err := r.Read(look)
		require.NoError(t, err)
		*word64(w.data, ringWritten) = 0
		_, err = r.Read(look)
		assert.ErrorIs(t, err, ErrBroken)
	})
	t.Run("length", func(t *testing.T) {
		w, r := ringPair(t)
		require.NoError(t, w.Write([][]byte{make([]byte, recordLimit/8)}))
		copy(w.data[ringStart:], []byte{255, 255, 255, 255})
		_, err := r.Read(look)
		assert.EqualError(t, err, "shm: a broken ring: a record of 4294967295 bytes, allowed are 1048576")
	})
	t.Run("read", func(t *testing.T) {
		w, _ := ringPair(t)
		*word64(w.head, ringRead) = 1
		assert.EqualError(t, w.Write([][]byte{{1}}), "shm: the reader of a ring is ahead of its writer")
		assert.True(t, w.HasRoom(1), "a write will not wait")
	})
}

func BenchmarkRing(b *testing.B) {
	s, err := NewSender(make([]byte, NonceSize), limit)
	require.NoError(b, err)
	r := NewReceiver(make([]byte, NonceSize), limit)
	w, p, ok := s.OpenRing(noStall)
	require.True(b, ok)
	reader, err := r.OpenRing(p, recordLimit)
	require.NoError(b, err)
	b.Cleanup(s.Close)
	b.Cleanup(r.Close)
	message := [][]byte{make([]byte, 100)}
	for b.Loop() {
		if err := w.Write(message); err != nil {
			b.Fatal(err)
		}
		if _, err := reader.Read(look); err != nil {
			b.Fatal(err)
		}
	}
}

// TestOpenRingBesideClose: a ring is not opened, or is closed with the rest.
func TestOpenRingBesideClose(t *testing.T) {
	for range 3000 {
		s, r := pair(t)
		var opened sync.WaitGroup
		opened.Go(func() {
			w, p, ok := s.OpenRing(noStall)
			if !ok {
				return
			}
			_ = w.HasRoom(1)
			_ = w.Write([][]byte{make([]byte, 2*ringSize)})
			reader, err := r.OpenRing(p, recordLimit)
			if err != nil {
				return
			}
			reader.Ready()
			_, _ = reader.Read(0)
		})
		opened.Go(s.Close)
		opened.Go(r.Close)
		opened.Wait()
	}
}
