package shm

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// requiredSeals keep a file as long as it is: reading a part of it that was cut off would end the process.
const requiredSeals = unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_SEAL

// Receiver reads the bodies and the ring of one sender. Its methods may be called from any goroutine.
type Receiver struct {
	name  string
	limit int64

	closeMu sync.RWMutex // held for reading while bodies are copied out
	closed  bool         // guarded by closeMu

	mu       sync.Mutex
	files    map[uint64]*mapping // guarded by mu; by the sender's number
	capacity int64               // guarded by mu; of all of them
	ring     *RingReader         // guarded by mu; nil until there is one
	closing  bool                // guarded by mu; no ring is opened any more
}

// mapping is a file of the sender's as it is seen here. Immutable but for the loans.
type mapping struct {
	pid   int
	head  []byte // writable
	data  []byte // readable
	loans int    // guarded by Receiver.mu; that are out
}

// NewReceiver makes the receiver for the one sender that is told the nonce. It maps limit bytes at most.
func NewReceiver(nonce []byte, limit int64) *Receiver {
	return &Receiver{name: fileName(nonce), limit: limit, files: map[uint64]*mapping{}}
}

// Read copies a region to the segments of dst, and frees it. An error is the sender's fault, or says that the
// sender's memory cannot be reached: it runs on another machine, or as another user.
func (r *Receiver) Read(p Region, dst [][]byte) error {
	return r.with(p, func(m *mapping) error {
		body, err := m.body(sizeOf(dst))
		if err == nil {
			copyOut(dst, body)
		}
		return err
	})
}

// Free gives a region back to the sender without reading it.
func (r *Receiver) Free(p Region) error { return r.with(p, func(*mapping) error { return nil }) }

func (r *Receiver) with(p Region, f func(*mapping) error) error {
	r.closeMu.RLock()
	defer r.closeMu.RUnlock()
	m, err := r.find(p)
	if err != nil {
		return err
	}
	if err := f(m); err != nil {
		return err
	}
	atomic.StoreUint64(generationIn(m.head), p.Generation)
	return nil
}

// body is the first n bytes.
func (m *mapping) body(n int64) ([]byte, error) {
	if n > int64(len(m.data)) {
		return nil, fmt.Errorf("shm: %d bytes in a file of %d", n, len(m.data))
	}
	return m.data[:n:n], nil
}

// find returns the mapping of a region's file, which it makes the first time. The caller must hold closeMu for reading.
func (r *Receiver) find(p Region) (*mapping, error) {
	if r.closed {
		return nil, os.ErrClosed
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	m := r.files[p.File]
	if m == nil {
		made, err := r.open(p)
		if err != nil {
			return nil, err
		}
		r.files[p.File], m = made, made
		r.capacity += p.Capacity
	}
	if m.pid != p.PID || int64(len(m.data)) != p.Capacity {
		return nil, errors.New("shm: a file was replaced by another")
	}
	return m, nil
}

// open maps a file. The caller must hold mu.
func (r *Receiver) open(p Region) (*mapping, error) {
	if p.Capacity < minClass || len(r.files) >= maxFiles || r.capacity+p.Capacity > r.limit {
		return nil, fmt.Errorf("shm: a file of %d bytes besides %d in %d files, allowed are %d in %d",
			p.Capacity, r.capacity, len(r.files), r.limit, maxFiles)
	}
	fd, err := r.openFile(p)
	if err != nil {
		return nil, err
	}
	defer func() { _ = unix.Close(fd) }()
	head, err := unix.Mmap(fd, 0, headSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("shm: %w", err)
	}
	data, err := unix.Mmap(fd, headSize, int(p.Capacity), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		_ = unix.Munmap(head)
		return nil, fmt.Errorf("shm: %w", err)
	}
	return &mapping{pid: p.PID, head: head, data: data}, nil
}

// openFile opens the sender's file and no other. It checks the name through an O_PATH descriptor first, as opening
// some files has effects.
func (r *Receiver) openFile(p Region) (int, error) {
	if p.PID <= 0 || p.FD < 0 {
		return -1, errors.New("shm: not a region")
	}
	found, err := unix.Open(fmt.Sprintf("/proc/%d/fd/%d", p.PID, p.FD), unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("shm: the sender's memory cannot be reached: %w", err)
	}
	defer func() { _ = unix.Close(found) }()
	same := fmt.Sprintf("/proc/self/fd/%d", found)
	if name, err := os.Readlink(same); err != nil || name != "/memfd:"+r.name+" (deleted)" {
		return -1, errors.New("shm: it is another's file")
	}
	fd, err := unix.Open(same, unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return -1, fmt.Errorf("shm: the sender's memory cannot be opened: %w", err)
	}
	if err := checkFile(fd, p); err != nil {
		_ = unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

func checkFile(fd int, p Region) error {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return fmt.Errorf("shm: %w", err)
	}
	if seals, err := unix.FcntlInt(uintptr(fd), unix.F_GET_SEALS, 0); err != nil || seals&requiredSeals != requiredSeals {
		return errors.New("shm: the file is not sealed")
	}
	if st.Size != headSize+p.Capacity {
		return fmt.Errorf("shm: the file has %d bytes, not %d", st.Size, headSize+p.Capacity)
	}
	return nil
}

// Close unmaps the files, each once no loan of it is out.
func (r *Receiver) Close() {
	r.mu.Lock()
	r.closing = true
	ring := r.ring
	r.mu.Unlock()
	if ring != nil {
		ring.close()
	}
	r.closeMu.Lock()
	defer r.closeMu.Unlock()
	if r.closed {
		return
	}
	r.closed = true
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, m := range r.files {
		m.unmapUnlessLent()
	}
	r.files = nil
}
