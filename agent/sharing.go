package agent

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
	// copyAside is from what size on a reply is not copied out by who reads the stream: others wait there.
	copyAside = 1 << 20
	// zeroCopyFrom is from what size on a body is lent to who asks for it: each keeps its place as long as it is looked
	// at, and there are few.
	zeroCopyFrom = 128 << 10
)

// sharing is the memory that the two ends of a stream share, each with files of its own. Whether the peer can
// reach ours shows when the first large body is sent, which goes the ordinary way itself.
type sharedMemory struct {
	stream interface{ SendMsg(m any) error }
	in     *shm.Receiver // nil where nothing is taken
	out    *shm.Sender   // nil where the peer takes nothing
	stage  atomic.Uint32
	sent   *atomic.Uint64 // counts bodies
	rings  *atomic.Int64  // counts rings that are written
	// Known to who reads the stream.
	mayInvite func() bool     // whether the agent has a thread for one more ring
	invited   bool            // the peer, to write to a ring
	opened    *inlet          // the peer's ring, nil until then
	made      *shm.RingWriter // this end's, until the peer has opened it

	mu      sync.Mutex
	closed  bool  // guarded by mu
	counted int64 // guarded by mu; the rings that this end writes to, one or none
}

// The stages of what is sent.
const (
	shareUntried uint32 = iota
	shareOffered
	shareAccepted
)

// newSharedMemory is for a stream on which this end has drawn the nonce, none to take nothing.
func newSharedMemory(a *Agent, nonce []byte, peer *agentpb.Hello, stream interface{ SendMsg(m any) error }) *sharedMemory {
	s := &sharedMemory{stream: stream, sent: &a.count.shared, rings: &a.count.rings, mayInvite: func() bool { return true }}
	if len(nonce) == 0 { // this end wants none of it
		return s
	}
	s.in = shm.NewReceiver(nonce, a.limits.Shared)
	if n := min(uint64(a.limits.Shared), peer.GetShared()); len(peer.GetNonce()) > 0 && n > 0 {
		s.out, _ = shm.NewSender(peer.GetNonce(), int64(n)) // nil for a nonce that is none
	}
	return s
}

// nonce is what a stream's shared memory is called by; nil when the agent wants none.
func (a *Agent) nonce() []byte {
	if a.limits.Shared <= 0 {
		return nil
	}
	return shm.NewNonce()
}

// message makes a message with a body, whose sizes the head has. The body is copied if it goes through shared memory
// or copyNow. sendControl sends another message.
func (s *sharedMemory) message(head frame.Frame, body Body, copyNow bool, sendControl func(*message)) *message {
	place, ok := s.put(body, sendControl)
	if !ok && copyNow {
		body = body.clone()
	}
	if !ok {
		return newMessage(head, body)
	}
	s.sent.Add(1)
	o := newMessage(head, nil)
	o.head.Region = regionMessage(place)
	o.unsent = func() { s.out.Free(place) }
	return o
}

// put copies a body into shared memory, if it is worth it and there is some.
func (s *sharedMemory) put(body Body, sendControl func(*message)) (shm.Region, bool) {
	if s.out == nil || body.Size() < shareFrom {
		return shm.Region{}, false
	}
	s.offer(sendControl)
	if s.stage.Load() != shareAccepted {
		return shm.Region{}, false
	}
	return s.out.Put(body)
}

// begin offers memory to a peer that is likely to reach it before there is something large to send: small
// messages are faster there, too.
func (s *sharedMemory) begin(address net.Addr, sendControl func(*message)) {
	if s.out != nil && nearby(address) {
		s.offer(sendControl)
	}
}

// offer asks the peer, once, to read a place.
func (s *sharedMemory) offer(sendControl func(*message)) {
	if !s.stage.CompareAndSwap(shareUntried, shareOffered) {
		return
	}
	place, ok := s.out.Put(nil)
	if !ok {
		return
	}
	sendControl(newMessage(frame.Frame{Kind: agentpb.Kind_KIND_OFFER, Region: regionMessage(place)}, nil))
}

// talk takes the frames that are about the memory itself. What fails here is no reason to complain: the
// peer may be on another machine, or another user's.
func (s *sharedMemory) negotiate(f *frame.Frame, sendControl func(*message)) (taken bool) {
	switch f.Kind {
	case agentpb.Kind_KIND_OFFER:
		if s.in != nil && f.Region != nil && s.in.Free(regionOf(f.Region)) == nil {
			sendControl(newMessage(frame.Frame{Kind: agentpb.Kind_KIND_ACCEPT}, nil))
			if !s.invited && s.mayInvite() {
				s.invited = true
				sendControl(newMessage(frame.Frame{Kind: agentpb.Kind_KIND_INVITE}, nil))
			}
		}
	case agentpb.Kind_KIND_ACCEPT:
		s.stage.CompareAndSwap(shareOffered, shareAccepted)
	case agentpb.Kind_KIND_INVITE:
		s.makeRing(sendControl)
	case agentpb.Kind_KIND_RING:
		s.openRing(f.Region, sendControl)
	case agentpb.Kind_KIND_READY:
		s.switchToRing(sendControl)
	default:
		return false
	}
	return true
}

// read fills a body from its place, or lends it.
func (s *sharedMemory) read(place *agentpb.Place, a *assembly, zeroCopy bool) error {
	if s.in == nil {
		return fmt.Errorf("%w: shared memory where none was agreed on", frame.ErrProtocol)
	}
	take := s.copyOut
	if zeroCopy && a.missing >= zeroCopyFrom {
		take = s.view
	}
	if err := take(regionOf(place), a); err != nil {
		return fmt.Errorf("%w: a body in shared memory: %w", frame.ErrProtocol, err)
	}
	a.missing = 0
	return nil
}

func (s *sharedMemory) copyOut(place shm.Region, a *assembly) error {
	a.makeRoom()
	return s.in.Read(place, a.body)
}

func (s *sharedMemory) view(place shm.Region, a *assembly) error {
	l, err := s.in.Lend(place, a.missing)
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

// giveBack is for a place that nobody reads.
func (s *sharedMemory) free(place *agentpb.Place) {
	if s.in != nil && place != nil {
		_ = s.in.Free(regionOf(place))
	}
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

// regionOf is a place as a peer says it: numbers beyond every file become one that is none.
func regionOf(m *agentpb.Place) shm.Region {
	const most = 1 << 40
	if m.GetPid() > most || m.GetFd() > most || m.GetCapacity() > most {
		return shm.Region{}
	}
	return shm.Region{PID: int(m.GetPid()), FD: int(m.GetFd()), File: m.GetFile(), Capacity: int64(m.GetCapacity()), Generation: m.GetGeneration()}
}
