package shm

import (
	"fmt"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// keepFor is how long memory is kept that no body uses.
const keepFor = 5 * time.Second

// Sender owns the files for bodies to one receiver. Its methods may be called from any goroutine.
type Sender struct {
	name  string
	limit int64

	closeMu sync.RWMutex // held for reading while bodies are copied in
	closed  bool         // guarded by closeMu

	mu       sync.Mutex
	files    []*file     // guarded by mu
	capacity int64       // guarded by mu; of all files
	last     uint64      // guarded by mu; the number of the last file
	ring     *RingWriter // guarded by mu; nil until there is one
	closing  bool        // guarded by mu; no ring is opened any more
	trim     *time.Timer
}

// file is one file of a sender. Guarded by Sender.mu, but for what is mapped.
type file struct {
	number      uint64
	fd          int    // -1 once the receiver has mapped it: processes have few descriptors
	unannounced bool   // the receiver is not told of the last body
	ring        bool   // it is the ring, and no body's
	mapped      []byte // head and data
	generation  uint64 // of the body that was put there last
	filled      int64  // bytes of data that have memory
	used        time.Time
}

// NewSender makes the sender for a receiver that has drawn the nonce. Its files have limit bytes together.
// It has none before the first body.
func NewSender(nonce []byte, limit int64) (*Sender, error) {
	if len(nonce) != NonceSize {
		return nil, fmt.Errorf("shm: a nonce of %d bytes, expected %d", len(nonce), NonceSize)
	}
	return &Sender{name: fileName(nonce), limit: limit}, nil
}

// Put copies a body in. It reports false when there is no room, or no more memory of this kind; the body has
// to go another way then. The region is the receiver's until it has read it.
func (s *Sender) Put(body [][]byte) (Region, bool) {
	s.closeMu.RLock()
	defer s.closeMu.RUnlock()
	if s.closed {
		return Region{}, false
	}
	n := sizeOf(body)
	f, p, fresh := s.claim(n)
	if f == nil {
		return Region{}, false
	}
	data := f.mapped[headSize:]
	if fresh {
		// All pages at once, where the kernel can; else each when it is first touched.
		_ = unix.Madvise(data[:roundUp(n)], unix.MADV_POPULATE_WRITE)
	}
	for _, segment := range body {
		data = data[copy(data, segment):]
	}
	return p, true
}

// claim finds a free file for n bytes, or makes one. Fresh says that not all of them have memory yet.
func (s *Sender) claim(n int64) (_ *file, p Region, fresh bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.free(n)
	if f == nil {
		made, err := s.create(classOf(n))
		if err != nil {
			return nil, Region{}, false
		}
		f = made
	}
	if !f.unannounced && f.generation > 0 {
		f.closeDescriptor()
	}
	f.unannounced = false
	f.generation++
	f.used = time.Now()
	if s.trim == nil {
		s.trim = time.AfterFunc(keepFor, s.freeIdle)
	}
	fresh = n > f.filled
	f.filled = max(n, f.filled)
	return f, f.region(), fresh
}

// free is the smallest file that the receiver has done with; of two, the one that has memory. The caller must hold mu.
func (s *Sender) free(n int64) *file {
	var best *file
	for _, f := range s.files {
		if f.ring || f.capacity() < n || !f.returned() {
			continue
		}
		if best == nil || f.capacity() < best.capacity() || f.capacity() == best.capacity() && f.filled > best.filled {
			best = f
		}
	}
	return best
}

// create adds a file. The caller must hold mu.
func (s *Sender) create(capacity int64) (*file, error) {
	if len(s.files) >= maxFiles || s.capacity+capacity > s.limit {
		return nil, unix.ENOSPC
	}
	size := headSize + capacity
	var largest unix.Rlimit // a larger file would bring SIGXFSZ
	if err := unix.Getrlimit(unix.RLIMIT_FSIZE, &largest); err != nil || uint64(size) > largest.Cur {
		return nil, unix.EFBIG
	}
	fd, err := unix.MemfdCreate(s.name, unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return nil, err
	}
	var mapped []byte
	if err = unix.Ftruncate(fd, size); err == nil {
		_, err = unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, requiredSeals)
	}
	if err == nil {
		mapped, err = unix.Mmap(fd, 0, int(size), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	}
	if err != nil {
		_ = unix.Close(fd)
		return nil, err
	}
	s.last++
	f := &file{number: s.last, fd: fd, mapped: mapped}
	s.files = append(s.files, f)
	s.capacity += capacity
	return f, nil
}

// Free takes back a region that the receiver is not told of.
func (s *Sender) Free(p Region) {
	s.closeMu.RLock()
	defer s.closeMu.RUnlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := slices.IndexFunc(s.files, func(f *file) bool { return f.number == p.File }); i >= 0 {
		s.files[i].unannounced = true
		atomic.StoreUint64(generationIn(s.files[i].mapped), p.Generation)
	}
}

// freeIdle gives the kernel the memory of files that were not used for keepFor. The files stay: the receiver has them
// mapped.
func (s *Sender) freeIdle() {
	s.closeMu.RLock()
	defer s.closeMu.RUnlock()
	if s.closed {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.trim = nil
	for _, f := range s.files {
		if f.filled == 0 {
			continue
		}
		if f.returned() && time.Since(f.used) >= keepFor {
			_ = unix.Madvise(f.mapped[headSize:], unix.MADV_REMOVE)
			f.filled = 0
		} else if s.trim == nil {
			s.trim = time.AfterFunc(keepFor, s.freeIdle)
		}
	}
}

// Close gives everything up. What the receiver has been told of stays readable to it.
func (s *Sender) Close() {
	s.mu.Lock()
	s.closing = true
	ring := s.ring
	s.mu.Unlock()
	if ring != nil {
		ring.close()
	}
	s.closeMu.Lock()
	defer s.closeMu.Unlock()
	if s.closed {
		return
	}
	s.closed = true
	if s.trim != nil {
		s.trim.Stop()
	}
	for _, f := range s.files {
		_ = unix.Munmap(f.mapped)
		f.closeDescriptor()
	}
	s.files = nil
}

func (f *file) closeDescriptor() {
	if f.fd >= 0 {
		_ = unix.Close(f.fd)
		f.fd = -1
	}
}

func (f *file) region() Region {
	return Region{PID: os.Getpid(), FD: f.fd, File: f.number, Capacity: f.capacity(), Generation: f.generation}
}

func (f *file) capacity() int64 { return int64(len(f.mapped)) - headSize }

// returned says whether the receiver has done with the last body. It writes the word, so it may say so too
// early, and reads another body then than it was sent.
func (f *file) returned() bool { return atomic.LoadUint64(generationIn(f.mapped)) == f.generation }

func generationIn(head []byte) *uint64 { return (*uint64)(unsafe.Pointer(unsafe.SliceData(head))) }

func roundUp(n int64) int64 {
	page := int64(os.Getpagesize())
	return (n + page - 1) / page * page
}
