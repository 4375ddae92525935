package agent

import (
	"errors"
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/mem"

	"github.com/gopyrpc/gopyrpc/agent/internal/frame"
	agentpb "github.com/gopyrpc/gopyrpc/agent/proto"
	"github.com/gopyrpc/gopyrpc/internal/shm"
)

const (
	// maxRings is how many peers an agent invites to a ring: reading each takes an OS thread, also while it is idle.
	maxRings = 64
	// headRoom is more than any frame has besides a small body.
	headRoom = 64 << 10
	// lookMost is the largest body for which it matters that whoever waits is woken.
	lookMost = 2 << 20
	// lookShift says how fast a body is taken for granted to pass through both ends: 2^lookShift bytes in a microsecond,
	// or 2 GB/s, where to copy takes a fifth of that.
	lookShift = 11
)

// outlet writes the frames of one direction: to the stream, and once the peer reads a ring, there. One caller at
// a time.
type outlet struct {
	stream interface{ SendMsg(m any) error }
	ring   atomic.Pointer[shm.RingWriter]
	parts  [][]byte // scratch
}

// errOver is for a frame that comes too late. Why the stream has ended, and what came before its end, is for who
// reads it.
var errOver = failure(codes.Unavailable, "the connection is ending")

func sendTo(stream interface{ SendMsg(m any) error }, f *frame.Frame) error {
	err := stream.SendMsg(f)
	if errors.Is(err, io.EOF) {
		return errOver
	}
	return err
}

func (o *outlet) send(f *outFrame) error {
	ring := o.ring.Load()
	if ring == nil {
		err := sendTo(o.stream, &f.Frame)
		if err == nil && f.switchTo != nil {
			o.ring.Store(f.switchTo)
		}
		return err
	}
	encoded, err := f.Encode()
	if err != nil {
		return err
	}
	o.parts = o.parts[:0]
	for _, part := range encoded {
		o.parts = append(o.parts, part.ReadOnlyData())
	}
	if f.notifyLater {
		return ring.Append(o.parts)
	}
	return ring.Write(o.parts)
}

// wake has the peer read what was written quietly. Any goroutine may call it.
func (o *outlet) notify() {
	if ring := o.ring.Load(); ring != nil {
		ring.Notify()
	}
}

// takes says whether a message with a body of that size can be written without waiting for the peer. Unheard is how
// much was written since it was last heard.
func (o *outlet) takes(size, unheard int64) bool {
	if ring := o.ring.Load(); ring != nil {
		return size <= chunkSize && ring.HasRoom(int(size)+headRoom)
	}
	return size <= directSize && unheard <= directUnheard
}

// lookFor is how long to look for the answer to a body of that size, or for what comes after it, before sleeping: long
// enough for the peer to wake up, take the body in and answer. To sleep, and to be woken on a processor that went idle
// meanwhile, takes longer than a small call, and several times as long on a virtual one.
func lookFor(size int64) time.Duration {
	if size > lookMost {
		return 0
	}
	return 200*time.Microsecond + time.Duration(size)*time.Microsecond>>lookShift
}

// next waits for the next frame, which is good until the one after it, and looks for it so long before it sleeps.
func (in *inlet) next(f *frame.Frame, look time.Duration) error {
	record, err := in.reader.Read(look)
	return taken(f, record, err)
}

// tryNext is next that does not wait: ok is false when there is no frame.
func (in *inlet) tryNext(f *frame.Frame) (ok bool, err error) {
	record, ok, err := in.reader.Next()
	if !ok && err == nil {
		return false, nil
	}
	return true, taken(f, record, err)
}

func taken(f *frame.Frame, record []byte, err error) error {
	if errors.Is(err, shm.ErrBroken) {
		return fmt.Errorf("%w: %w", frame.ErrProtocol, err)
	}
	if err != nil {
		return err
	}
	return f.Decode(mem.BufferSlice{mem.SliceBuffer(record)})
}

// makeRing makes one for the peer that asks for it, if it is one that has been found able to read there.
func (s *sharedMemory) makeRing(sendControl func(*message)) {
	if s.out == nil || s.stage.Load() != shareAccepted {
		return
	}
	ring, place, ok := s.out.OpenRing(s.nudge)
	if !ok {
		return
	}
	s.made = ring
	sendControl(newMessage(frame.Frame{Kind: agentpb.Kind_KIND_RING, Region: regionMessage(place)}, nil))
}

// openRing opens the ring that the peer has made. It is there for good then: what the peer writes is read also
// when the peer has left meanwhile.
func (s *sharedMemory) openRing(place *agentpb.Place, sendControl func(*message)) {
	if s.in == nil || !s.invited || s.opened != nil || place == nil {
		return
	}
	reader, err := s.in.OpenRing(regionOf(place), frame.MaxSize)
	if err != nil {
		return // it goes on without
	}
	s.opened = &inlet{reader: reader}
	sendControl(newMessage(frame.Frame{Kind: agentpb.Kind_KIND_READY}, nil))
}

// switchToRing writes to the ring from now on, that the peer has opened.
func (s *sharedMemory) switchToRing(sendControl func(*message)) {
	if s.made == nil || !s.countRing(1) {
		return
	}
	o := newMessage(frame.Frame{Kind: agentpb.Kind_KIND_SWITCH}, nil)
	o.head.switchTo = s.made
	sendControl(o)
	s.made = nil
}

// switched is the ring that the peer says it writes to from now on.
func (s *sharedMemory) switched() (*inlet, error) {
	if s.opened == nil {
		return nil, fmt.Errorf("%w: a switch to a ring that was never opened", frame.ErrProtocol)
	}
	return s.opened, nil
}

// countRing counts the ring that this end writes to, unless it is closed, or no longer.
func (s *sharedMemory) countRing(n int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n > 0 && s.closed || n < 0 && s.counted == 0 {
		return false
	}
	s.counted += n
	s.rings.Add(n)
	return true
}

// nudge asks the peer, which reads replies while it waits for some, to read what has no room otherwise, and fails with
// the stream. The writer calls it, which is the only one that writes there.
func (s *sharedMemory) nudge() error {
	return sendTo(s.stream, &frame.Frame{Kind: agentpb.Kind_KIND_SWITCH})
}

// nearby says whether the address is one of this machine.
func nearby(address net.Addr) bool {
	switch a := address.(type) {
	case *net.UnixAddr:
		return true
	case *net.TCPAddr:
		return a.IP.IsLoopback()
	}
	return false
}
