package transport

import (
	"fmt"

	"google.golang.org/grpc/codes"

	"github.com/gopyrpc/gopyrpc/agent/internal/frame"
	"github.com/gopyrpc/gopyrpc/agent/internal/rpcerr"
)

// assembly puts a body together from the parts in which it arrives.
type assembly struct {
	body    Body
	into    cursor // where the next byte goes
	missing int64
	memory  Memory   // that the body is in, if it is to be given back
	sizes   []uint64 // of the segments
}

// bodySize adds up what a peer says are the sizes of a body's segments.
func bodySize(sizes []uint64, limit int64) (int64, *rpcerr.Error) {
	if len(sizes) > frame.MaxSegments {
		return 0, rpcerr.Errorf(codes.ResourceExhausted, "a body of %d segments, allowed are %d", len(sizes), frame.MaxSegments)
	}
	var total int64
	for _, n := range sizes {
		if n > uint64(limit) || total+int64(n) > limit {
			return 0, rpcerr.Errorf(codes.ResourceExhausted,
				"a body of more than %d bytes (Limits.MaxMessage, --max-message); send it in parts, or raise the limit at the receiver", limit)
		}
		total += int64(n)
	}
	return total, nil
}

// newAssembly is for a body whose size was checked.
func newAssembly(sizes []uint64, total int64) *assembly {
	return &assembly{missing: total, sizes: sizes}
}

// makeRoom is one allocation for all segments.
func (a *assembly) makeRoom() {
	if a.missing < shareFrom {
		a.cut(make([]byte, a.missing))
		return
	}
	b := newBuffer(a.missing)
	a.memory = b
	a.cut(b.bytes)
}

// cut makes the segments of the memory that they are in.
func (a *assembly) cut(room []byte) {
	a.body = make(Body, len(a.sizes))
	for i, n := range a.sizes {
		a.body[i], room = room[:n:n], room[n:]
	}
	a.into = cursor{rest: a.body}
}

// add copies parts in. A peer that sends more than it announced is not to be trusted with more.
func (a *assembly) add(parts [][]byte) error {
	if a.body == nil && (len(parts) > 0 || a.missing == 0) { // of one that is elsewhere nothing is added
		a.makeRoom()
	}
	for _, part := range parts {
		if int64(len(part)) > a.missing {
			return fmt.Errorf("%w: more data than the sizes announced", frame.ErrProtocol)
		}
		a.missing -= int64(len(part))
		for _, room := range a.into.take(int64(len(part))) {
			part = part[copy(room, part):]
		}
	}
	return nil
}

func (a *assembly) complete() bool { return a.missing == 0 }
