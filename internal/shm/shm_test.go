//go:build linux

package shm

import (
	"bytes"
	"encoding/hex"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

const limit = 64 << 20

func pair(t *testing.T) (*Sender, *Receiver) {
	t.Helper()
	nonce := NewNonce()
	s, err := NewSender(nonce, limit)
	require.NoError(t, err)
	r := NewReceiver(nonce, limit)
	t.Cleanup(s.Close)
	t.Cleanup(r.Close)
	return s, r
}

// put expects to find room.
func put(t *testing.T, s *Sender, body ...[]byte) Region {
	t.Helper()
	p, ok := s.Put(body)
	require.True(t, ok)
	return p
}

func TestBodiesArrive(t *testing.T) {
	s, r := pair(t)
	rng := rand.New(rand.NewPCG(1, 2))
	for range 100 {
		var body, got [][]byte
		for range 1 + rng.IntN(4) {
			segment := bytes.Repeat([]byte{byte(rng.Uint32())}, rng.IntN(1<<20))
			body, got = append(body, segment), append(got, make([]byte, len(segment)))
		}
		require.NoError(t, r.Read(put(t, s, body...), got))
		require.Equal(t, body, got)
	}
	assert.Less(t, len(s.files), 20, "files are used again")
}

func TestOneFileServesOneAfterTheOther(t *testing.T) {
	s, r := pair(t)
	body := make([]byte, 1<<20)
	for range 10 {
		require.NoError(t, r.Read(put(t, s, body), [][]byte{make([]byte, len(body))}))
		require.NoError(t, r.Free(put(t, s, body)))
		s.Free(put(t, s, body))
	}
	assert.Len(t, s.files, 1)
	assert.Len(t, r.files, 1)
}

func TestManyOnTheWay(t *testing.T) {
	s, r := pair(t)
	var regions []Region
	for i := range 20 {
		regions = append(regions, put(t, s, bytes.Repeat([]byte{byte(i)}, 1000)))
	}
	for i, p := range regions {
		got := make([]byte, 1000)
		require.NoError(t, r.Read(p, [][]byte{got}))
		assert.Equal(t, bytes.Repeat([]byte{byte(i)}, 1000), got)
	}
}

func TestSenderIsBounded(t *testing.T) {
	s, r := pair(t)
	_, ok := s.Put([][]byte{make([]byte, limit+1)})
	assert.False(t, ok)
	var regions []Region
	for {
		p, ok := s.Put([][]byte{make([]byte, limit/4)})
		if !ok {
			break
		}
		regions = append(regions, p)
	}
	assert.Len(t, regions, 4)
	require.NoError(t, r.Free(regions[0]))
	put(t, s, make([]byte, 10))
}

func TestReceiverIsBounded(t *testing.T) {
	s, _ := pair(t)
	s.limit = limit * 2
	r := NewReceiver(nonceOf(s), limit)
	defer r.Close()
	require.NoError(t, r.Free(put(t, s, make([]byte, limit/2+1))))
	s.files[0].generation++ // as if it were in use
	assert.ErrorContains(t, r.Free(put(t, s, make([]byte, limit/2+1))), "allowed are")
}

// nonceOf makes receivers of any nonce the sender's own: only its name is compared.
func nonceOf(s *Sender) []byte {
	nonce := NewNonce()
	s.name = fileName(nonce)
	return nonce
}

func TestIdleMemoryIsGivenBack(t *testing.T) {
	s, r := pair(t)
	body := bytes.Repeat([]byte("x"), 1<<20)
	p, inUse := put(t, s, body), put(t, s, body[:minClass])
	first, second := memoryOf(t, p), memoryOf(t, inUse)
	require.NoError(t, r.Read(p, [][]byte{make([]byte, len(body))}))
	for _, f := range s.files {
		f.used = time.Now().Add(-keepFor)
	}
	s.freeIdle()
	assert.Less(t, first(), int64(2*headSize))
	assert.GreaterOrEqual(t, second(), int64(minClass))
	again := put(t, s, body)
	assert.Equal(t, p.File, again.File)
	got := make([]byte, len(body))
	require.NoError(t, r.Read(again, [][]byte{got}))
	assert.Equal(t, body, got)
}

// memoryOf keeps a file open, and tells how much memory it has.
func memoryOf(t *testing.T, p Region) func() int64 {
	t.Helper()
	fd, err := unix.Dup(p.FD)
	require.NoError(t, err)
	t.Cleanup(func() { _ = unix.Close(fd) })
	return func() int64 {
		var st unix.Stat_t
		require.NoError(t, unix.Fstat(fd, &st))
		return st.Blocks * 512
	}
}

// TestDescriptorsAreClosed: processes have a thousand, and may have as many files for a few peers.
func TestDescriptorsAreClosed(t *testing.T) {
	s, r := pair(t)
	for range 3 {
		require.NoError(t, r.Free(put(t, s, []byte("x"))))
	}
	assert.Negative(t, s.files[0].fd)
	never, _ := pair(t)
	for range 3 { // nobody has opened it
		never.Free(put(t, never, []byte("x")))
	}
	assert.GreaterOrEqual(t, never.files[0].fd, 0)
}

// TestOnlyTheSendersFilesAreOpened: a peer could name any descriptor of any process.
func TestOnlyTheSendersFilesAreOpened(t *testing.T) {
	s, r := pair(t)
	good := put(t, s, []byte("x"))
	const unknown = 99
	other, _ := pair(t)
	fifo := filepath.Join(t.TempDir(), "fifo")
	require.NoError(t, unix.Mkfifo(fifo, 0o600))
	pipe, err := os.OpenFile(fifo, os.O_RDWR, 0)
	require.NoError(t, err)
	defer func() { _ = pipe.Close() }()
	memfd := func(name string, size int64, flags, seals int) int {
		fd, err := unix.MemfdCreate(name, unix.MFD_CLOEXEC|flags)
		require.NoError(t, err)
		t.Cleanup(func() { _ = unix.Close(fd) })
		require.NoError(t, unix.Ftruncate(fd, size))
		if seals != 0 {
			_, err = unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, seals)
			require.NoError(t, err)
		}
		return fd
	}
	at := func(fd int) Region {
		return Region{PID: os.Getpid(), FD: fd, File: unknown, Capacity: minClass, Generation: 1}
	}
	const whole = headSize + minClass
	for name, c := range map[string]struct {
		region Region
		says   string
	}{
		"no process":   {Region{PID: 1 << 30, FD: 3, Capacity: minClass}, "cannot be reached"},
		"not a region": {Region{FD: -1, Capacity: minClass}, "not a region"},
		"too small":    {Region{PID: os.Getpid(), FD: good.FD, Capacity: 5}, "allowed are"},
		"another size": {Region{PID: os.Getpid(), FD: good.FD, Capacity: 2 * good.Capacity}, "bytes, not"},
		"a pipe":       {at(int(pipe.Fd())), "another's"},
		"another's":    {put(t, other, []byte("x")), "another's"},
		"not sealed":   {at(memfd(s.name, whole, unix.MFD_ALLOW_SEALING, 0)), "not sealed"},
		"cannot be":    {at(memfd(s.name, whole, 0, 0)), "not sealed"},
		"can shrink":   {at(memfd(s.name, whole, unix.MFD_ALLOW_SEALING, unix.F_SEAL_GROW)), "not sealed"},
		"shorter":      {at(memfd(s.name, headSize, unix.MFD_ALLOW_SEALING, requiredSeals)), "bytes, not"},
	} {
		assert.ErrorContains(t, r.Free(c.region), c.says, name)
	}
	require.NoError(t, r.Free(good))
	good.Capacity *= 2
	assert.ErrorContains(t, r.Free(good), "replaced")
}

func TestMoreThanTheFileHas(t *testing.T) {
	s, r := pair(t)
	p := put(t, s, []byte("x"))
	assert.ErrorContains(t, r.Read(p, [][]byte{make([]byte, p.Capacity+1)}), "bytes in a file of")
}

func TestBadNonce(t *testing.T) {
	_, err := NewSender([]byte("short"), limit)
	assert.ErrorContains(t, err, "a nonce of 5 bytes, expected 16")
}

// TestCloseWhileInUse is for the race detector, and for whoever copies from what is no longer mapped.
func TestCloseWhileInUse(t *testing.T) {
	for range 20 {
		s, r := pair(t)
		body := make([]byte, 1<<20)
		var group sync.WaitGroup
		for range 4 {
			group.Go(func() {
				got := [][]byte{make([]byte, len(body))}
				for {
					p, ok := s.Put([][]byte{body})
					if !ok {
						return
					}
					if err := r.Read(p, got); err != nil {
						assert.True(t, errors.Is(err, os.ErrClosed) || errors.Is(err, unix.ENOENT), err)
						return
					}
				}
			})
		}
		r.Close()
		s.Close()
		group.Wait()
	}
}

// TestAnotherProcess has the body read by one, which gets its region and the nonce as arguments.
func TestAnotherProcess(t *testing.T) {
	s, _ := pair(t)
	nonce := nonceOf(s)
	body := bytes.Repeat([]byte("hello "), 1000)
	p := put(t, s, body)
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), "SHM_NONCE="+hex.EncodeToString(nonce), "SHM_PID="+strconv.Itoa(p.PID), "SHM_FD="+strconv.Itoa(p.FD),
		"SHM_CAPACITY="+strconv.FormatInt(p.Capacity, 10), "SHM_SIZE="+strconv.Itoa(len(body)))
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
	assert.Equal(t, string(body), string(out))
	assert.True(t, s.files[0].returned())
}

func TestMain(m *testing.M) {
	if nonce := os.Getenv("SHM_NONCE"); nonce != "" {
		readAsTheEnvironmentSays(nonce)
		return
	}
	os.Exit(m.Run())
}

func readAsTheEnvironmentSays(name string) {
	nonce, err := hex.DecodeString(name)
	if err != nil {
		panic(err)
	}
	number := func(name string) int {
		n, err := strconv.Atoi(os.Getenv(name))
		if err != nil {
			panic(err)
		}
		return n
	}
	got := make([]byte, number("SHM_SIZE"))
	p := Region{PID: number("SHM_PID"), FD: number("SHM_FD"), Capacity: int64(number("SHM_CAPACITY")), Generation: 1, File: 1}
	if err := NewReceiver(nonce, limit).Read(p, [][]byte{got}); err != nil {
		panic(err)
	}
	_, _ = os.Stdout.Write(got)
}
