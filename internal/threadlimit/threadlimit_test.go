package threadlimit

import (
	"errors"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// system is one whose limits a test sets.
type system struct {
	room    int
	threads int // of the process
	looks   int
	time    time.Duration
	took    time.Duration // by a look
}

func (s *system) limiter() *Limiter {
	l := newLimiter(func() Bound {
		s.looks++
		s.time += s.took
		return Bound{Room: s.room, Limit: "a limit", Raise: "raise it", Threads: 7 + s.threads}
	}, func() time.Duration { return s.time })
	l.kept = 10
	return l
}

func TestAllow(t *testing.T) {
	s := &system{room: 30}
	l := s.limiter()
	for n := 1; n <= 20; n++ {
		require.NoError(t, l.Allow(n, 0), "%d of 30-10", n)
		s.room, s.threads = 30-n, n // as the thread is made
	}
	err := l.Allow(21, 0)
	var refused *Error
	require.ErrorAs(t, err, &refused)
	assert.Equal(t, 20, refused.Threads)
	assert.Equal(t, "20 calls may hold a thread here at once: a limit; raise it", err.Error())
}

// A burst comes before the first of its threads is made, and the system shows as much room as before.
func TestAllow_burst(t *testing.T) {
	s := &system{room: 30}
	l := s.limiter()
	allowed := 0
	for n := 1; n < 200 && l.Allow(n, 0) == nil; n++ {
		allowed = n
	}
	assert.GreaterOrEqual(t, allowed, 20, "of 30-10")
	assert.LessOrEqual(t, allowed, 20+Always)
	s.room, s.threads, s.time = 30-allowed, allowed, time.Second
	assert.Error(t, l.Allow(allowed+1, 0), "now that they are made")
	s.room, s.time = 12, 2*time.Second
	assert.NoError(t, l.Allow(allowed+2, 0), "others gave some back")
}

// Threads of others in the process that have ended do not count for ever.
func TestAllow_othersEnd(t *testing.T) {
	s := &system{room: 12, threads: 100}
	l := s.limiter()
	require.Error(t, l.Allow(5, 0))
	s.room, s.threads, s.time = 110, 2, time.Second
	assert.NoError(t, l.Allow(100, 0))
}

// What was allowed once is allowed again, however little is left: the runtime has kept the threads.
func TestAllow_again(t *testing.T) {
	s := &system{room: 30}
	l := s.limiter()
	require.NoError(t, l.Allow(15, 0))
	s.room, s.time = 0, time.Hour
	looks := s.looks
	assert.NoError(t, l.Allow(15, 0))
	assert.Equal(t, looks, s.looks, "no look is needed")
	assert.Error(t, l.Allow(16, 0))
}

func TestAllow_fewAlways(t *testing.T) {
	l := (&system{room: 0}).limiter()
	assert.NoError(t, l.Allow(Always, 8))
	assert.Error(t, l.Allow(Always+1, 0))
}

// An asker that counts only a part of the threads leaves room for the rest.
func TestAllow_beside(t *testing.T) {
	s := &system{room: 30}
	l := s.limiter()
	assert.NoError(t, l.Allow(12, 8))
	s.room, s.threads = 18, 12
	err := l.Allow(13, 8)
	var refused *Error
	require.ErrorAs(t, err, &refused)
	assert.Equal(t, 12, refused.Threads)
	require.NoError(t, l.Allow(20, 0), "those who run")
	s.room, s.threads = 10, 20
	assert.NoError(t, l.Allow(12, 8))
	assert.Error(t, l.Allow(13, 8), "also when that many threads were had already")
}

// Others of the same user take threads and give them back.
func TestAllow_limitsChange(t *testing.T) {
	s := &system{room: 30}
	l := s.limiter()
	require.NoError(t, l.Allow(5, 0))
	s.room, s.threads, s.time = 10, 5, 2*time.Second
	require.Error(t, l.Allow(6, 0))
	s.room = 30
	assert.Error(t, l.Allow(6, 0), "a refusal is repeated for a while")
	s.time += time.Second
	assert.NoError(t, l.Allow(6, 0))
}

// A crowd that is refused does not read the system a thousand times.
func TestAllow_crowds(t *testing.T) {
	s := &system{room: 12}
	l := s.limiter()
	for range 1000 {
		require.Error(t, l.Allow(100, 0))
	}
	assert.Equal(t, 1, s.looks)
	s.room = math.MaxInt32
	s.time = time.Second
	for n := range 4096 {
		require.NoError(t, l.Allow(n, 0))
	}
	assert.Less(t, s.looks, 4)
}

// Looks that take long are few: callers wait for them.
func TestAllow_slowLooks(t *testing.T) {
	s := &system{room: 12, took: 20 * time.Millisecond}
	l := s.limiter()
	for range 1000 { // ten seconds
		require.Error(t, l.Allow(100, 0))
		s.time += 10 * time.Millisecond
	}
	assert.Less(t, s.looks, 12)
}

func TestError(t *testing.T) {
	err := error(&Error{Threads: 7, Bound: Bound{Limit: "RLIMIT_NPROC is 40", Raise: "raise it with ulimit -u"}})
	var e *Error
	assert.True(t, errors.As(err, &e))
	assert.Equal(t, "7 calls may hold a thread here at once: RLIMIT_NPROC is 40; raise it with ulimit -u", err.Error())
}
