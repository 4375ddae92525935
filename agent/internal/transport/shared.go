package transport

import (
	"fmt"
	"net"
	"sync"
	"sync/atomic"

	"github.com/gopyrpc/gopyrpc/agent/internal/frame"
	agentpb "github.com/gopyrpc/gopyrpc/agent/proto"
	"github.com/gopyrpc/gopyrpc/internal/shm"
)

const (
	// shareFrom is from what size on a body goes through shared memory where there is some.
	shareFrom = 32 << 10
	// copyAside is from what size on a reply is not copied out by the goroutine that reads: other replies wait there.
	copyAside = 1 << 20
	// zeroCopyFrom is from what size on a body is lent where that is asked for: each keeps its region as long as it is looked
	// at, and there are few.
	zeroCopyFrom = 128 << 10
)

// sharedMemory is the memory that the two ends of a stream share, each with files of its own. Whether the peer can
// reach ours shows when the first large body is sent, which goes the ordinary way itself.
type sharedMemory struct {
	stream      streamWriter
	sendControl func(*message) // sends a message that is about no call
	in          *shm.Receiver  // nil where nothing is taken
	out         *shm.Sender    // nil where the peer takes nothing
	stage       atomic.Uint32  // of the constants below
	transport   *Transport
	// Of the goroutine that reads.
	mayInvite func() bool     // whether the agent has a thread for one more ring
	invited   bool            // the peer, to write to a ring
	opened    *ringFrames     // the peer's ring, nil until then
	made      *shm.RingWriter // this end's, until the peer has opened it

	mu      sync.Mutex
	closed  bool  // guarded by mu
	counted int64 // guarded by mu; the rings that this end writes to, one or none
}

// The stages of the agreement on what this end sends. A stream goes through them once, in this order.
const (
	shareUntried  uint32 = iota // the peer has not been asked
	shareOffered                // it was asked to read a region
	shareAccepted               // it can: bodies may lie in shared memory, and there may be a ring
)

// newSharedMemory is for a stream on which this end has drawn the nonce, none to take nothing.
func (t *Transport) newSharedMemory(nonce []byte, peer *agentpb.Hello, stream frameStream, sendControl func(*message)) *sharedMemory {
	s := &sharedMemory{transport: t, stream: streamWriter{stream}, sendControl: sendControl, mayInvite: func() bool { return true }}
	if len(nonce) == 0 { // this end wants none of it
		return s
	}
	s.in = shm.NewReceiver(nonce, t.limits.Shared)
	if n := min(uint64(t.limits.Shared), peer.GetShared()); len(peer.GetNonce()) > 0 && n > 0 {
		s.out, _ = shm.NewSender(peer.GetNonce(), int64(n)) // nil for a nonce that is none
	}
	return s
}

// nonce is what a stream's shared memory is called by; nil when this worker wants none.
func (t *Transport) nonce() []byte {
	if t.limits.Shared <= 0 {
		return nil
	}
	return shm.NewNonce()
}

// newMessage makes a message with a body, whose sizes the head has. The body is copied if it goes through shared memory
// or copyNow.
func (s *sharedMemory) newMessage(head frame.Frame, body Body, copyNow bool) *message {
	region, ok := s.put(body)
	if !ok && copyNow {
		body = body.Clone()
	}
	if !ok {
		return newMessage(head, body)
	}
	s.transport.shared.Add(1)
	o := newMessage(head, nil)
	o.head.Region = regionMessage(region)
	o.unsent = func() { s.out.Free(region) }
	return o
}

// put copies a body into shared memory, if it is worth it and there is some.
func (s *sharedMemory) put(body Body) (shm.Region, bool) {
	if s.out == nil || body.Size() < shareFrom {
		return shm.Region{}, false
	}
	s.offer()
	if s.stage.Load() != shareAccepted {
		return shm.Region{}, false
	}
	return s.out.Put(body)
}

// begin offers memory to a peer that is likely to reach it before there is something large to send: small
// messages are faster there, too.
func (s *sharedMemory) begin(address net.Addr) {
	if s.out != nil && nearby(address) {
		s.offer()
	}
}

// offer asks the peer, once, to read a region.
func (s *sharedMemory) offer() {
	if !s.stage.CompareAndSwap(shareUntried, shareOffered) {
		return
	}
	region, ok := s.out.Put(nil)
	if !ok {
		return
	}
	s.sendControl(newMessage(frame.Frame{Kind: agentpb.Kind_KIND_OFFER, Region: regionMessage(region)}, nil))
}

// negotiate takes the frames that are about the memory itself. What fails here is no reason to complain: the
// peer may be on another machine, or another user's.
func (s *sharedMemory) negotiate(f *frame.Frame) (taken bool) {
	switch f.Kind {
	case agentpb.Kind_KIND_OFFER:
		if s.in != nil && f.Region != nil && s.in.Free(regionOf(f.Region)) == nil {
			s.sendControl(newMessage(frame.Frame{Kind: agentpb.Kind_KIND_ACCEPT}, nil))
			if !s.invited && s.mayInvite() {
				s.invited = true
				s.sendControl(newMessage(frame.Frame{Kind: agentpb.Kind_KIND_INVITE}, nil))
			}
		}
	case agentpb.Kind_KIND_ACCEPT:
		s.stage.CompareAndSwap(shareOffered, shareAccepted)
	case agentpb.Kind_KIND_INVITE:
		s.makeRing()
	case agentpb.Kind_KIND_RING:
		s.openRing(f.Region)
	case agentpb.Kind_KIND_READY:
		s.switchToRing()
	default:
		return false
	}
	return true
}

// read fills a body from its region, or lends it.
func (s *sharedMemory) read(region *agentpb.Place, a *assembly, zeroCopy bool) error {
	if s.in == nil {
		return fmt.Errorf("%w: shared memory where none was agreed on", frame.ErrProtocol)
	}
	take := s.copyOut
	if zeroCopy && a.missing >= zeroCopyFrom {
		take = s.view
	}
	if err := take(regionOf(region), a); err != nil {
		return fmt.Errorf("%w: a body in shared memory: %w", frame.ErrProtocol, err)
	}
	a.missing = 0
	return nil
}

func (s *sharedMemory) copyOut(region shm.Region, a *assembly) error {
	a.makeRoom()
	return s.in.Read(region, a.body)
}

func (s *sharedMemory) view(region shm.Region, a *assembly) error {
	l, err := s.in.Lend(region, a.missing)
	if err != nil {
		return err
	}
	a.memory = loan{l}
	a.cut(l.Bytes)
	return nil
}

// loan is the memory of a body that was not copied.
type loan struct{ of *shm.Loan }

func (l loan) Free() { l.of.Free() }

// free is for a region that is not read.
func (s *sharedMemory) free(region *agentpb.Place) {
	if s.in != nil && region != nil {
		_ = s.in.Free(regionOf(region))
	}
}

// makeRing makes one for the peer that asks for it, if it is one that has been found able to read there.
func (s *sharedMemory) makeRing() {
	if s.out == nil || s.stage.Load() != shareAccepted {
		return
	}
	ring, region, ok := s.out.OpenRing(s.nudge)
	if !ok {
		return
	}
	s.made = ring
	s.sendControl(newMessage(frame.Frame{Kind: agentpb.Kind_KIND_RING, Region: regionMessage(region)}, nil))
}

// openRing opens the ring that the peer has made. It is there for good then: what the peer writes is read also
// when the peer has left meanwhile.
func (s *sharedMemory) openRing(region *agentpb.Place) {
	if s.in == nil || !s.invited || s.opened != nil || region == nil {
		return
	}
	reader, err := s.in.OpenRing(regionOf(region), frame.MaxSize)
	if err != nil {
		return // it goes on without
	}
	s.opened = &ringFrames{reader: reader}
	s.sendControl(newMessage(frame.Frame{Kind: agentpb.Kind_KIND_READY}, nil))
}

// switchToRing writes to the ring from now on, that the peer has opened.
func (s *sharedMemory) switchToRing() {
	if s.made == nil || !s.countRing(1) {
		return
	}
	o := newMessage(frame.Frame{Kind: agentpb.Kind_KIND_SWITCH}, nil)
	o.head.switchTo = s.transport.wrapped(&ringWriter{ring: s.made})
	s.sendControl(o)
	s.made = nil
}

// switched has the side read the ring that the peer says it writes to from now on.
func (s *sharedMemory) switched(side ringSide) (reader, error) {
	if s.opened == nil {
		return nil, fmt.Errorf("%w: a switch to a ring that was never opened", frame.ErrProtocol)
	}
	return side.readRing(s.opened), nil
}

// countRing counts the ring that this end writes to, unless it is closed, or no longer.
func (s *sharedMemory) countRing(n int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n > 0 && s.closed || n < 0 && s.counted == 0 {
		return false
	}
	s.counted += n
	s.transport.written.Add(n)
	return true
}

// nudge asks the peer, which reads replies while it waits for some, to read what has no room otherwise, and fails with
// the stream. The writer calls it, which is the only one that writes there.
func (s *sharedMemory) nudge() error {
	return s.stream.Write(&OutFrame{Frame: frame.Frame{Kind: agentpb.Kind_KIND_SWITCH}})
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

func (s *sharedMemory) close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.countRing(-1)
	if s.in != nil {
		s.in.Close()
	}
	if s.out != nil {
		s.out.Close()
	}
}

func regionMessage(p shm.Region) *agentpb.Place {
	return &agentpb.Place{
		Pid: uint64(p.PID), Fd: uint64(max(p.FD, 0)), File: p.File, Capacity: uint64(p.Capacity), Generation: p.Generation,
	}
}

// regionOf is a region as a peer says it: numbers beyond every file become one that is none.
func regionOf(m *agentpb.Place) shm.Region {
	const most = 1 << 40
	if m.GetPid() > most || m.GetFd() > most || m.GetCapacity() > most {
		return shm.Region{}
	}
	return shm.Region{PID: int(m.GetPid()), FD: int(m.GetFd()), File: m.GetFile(), Capacity: int64(m.GetCapacity()), Generation: m.GetGeneration()}
}
