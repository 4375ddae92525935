package agent

import (
	"bytes"
	"time"

	"github.com/gopyrpc/gopyrpc/agent/internal/transport"
)

// Body is what a call carries, in segments: a pickle, say, and the buffers beside it. The agent looks at
// none of it and keeps the segments apart. The caller that hands a Body over must not change its bytes any more,
// not even after the call: a part may still be on its way when the caller has given up. Where that is too much
// to ask there are Request.CopyNow and Reply.Release.
type Body [][]byte

// Bytes makes a Body of segments.
func Bytes(segments ...[]byte) Body { return segments }

// Segments returns the segments, which must not be changed.
func (b Body) Segments() [][]byte { return b }

// Bytes returns the segments one behind the other. They are copied if there are several.
func (b Body) Bytes() []byte {
	if len(b) == 1 {
		return b[0]
	}
	return bytes.Join(b, nil)
}

// Size is the number of bytes in all segments.
func (b Body) Size() int64 { return transport.Body(b).Size() }

// clone copies a body.
func (b Body) clone() Body { return Body(transport.Body(b).Clone()) }

// join copies a body to one segment.
func (b Body) join() Body { return Bytes(b.Bytes()) }

// Request is what a worker is asked for.
type Request struct {
	Body Body
	// CopyNow says that the bytes are the caller's to change again when Call, CallAsync or Remote returns.
	// They are copied if they have to be.
	CopyNow bool
	// Contiguous says that the segments are parts of one: the peer gets them as one.
	Contiguous bool
	// ZeroCopy lets the reply's body lie in memory that the peer can still write to, which saves a copy where both are
	// on one machine: a byte that is read twice may have changed. Reply.Free must be called then.
	ZeroCopy bool
	// ValueTimeout bounds how long the owner may take to make the value of a Remote; 0 for no bound. Beyond it, the execution's
	// context ends, and whoever asks for the value is told so. The end of Remote's context bounds the request alone.
	ValueTimeout time.Duration

	memory transport.Memory
}

// owned is the body as an Executor of this agent may have it.
func (r Request) owned() Body {
	switch {
	case r.Contiguous && len(r.Body.Segments()) > 1:
		return r.Body.join()
	case r.CopyNow:
		return r.Body.clone()
	}
	return r.Body
}

// Free gives the memory of a request that an Executor got, and does not look at any more, back to the agent. An Executor
// need not call it; it saves time where bodies are large.
//
// A body that lies in the peer's memory (Config.ZeroCopy) has to be freed, or the peer never has that memory again.
func (r Request) Free() { transport.Free(r.memory) }

// Reply is what a request is answered with.
type Reply struct {
	Body Body
	// Release, if an Executor sets it, is called once when the agent has done with Body.
	Release func()
	// Contiguous is Request's, for an Executor to set.
	Contiguous bool

	memory transport.Memory
}

// owned is the body as a caller of this agent may have it, once it is released.
func (r Reply) owned() Body {
	return Request{Body: r.Body, CopyNow: r.Release != nil, Contiguous: r.Contiguous}.owned()
}

// Free gives the memory of a reply that a caller got, and does not look at any more, back to the agent. A caller need not
// call it; it saves time where bodies are large.
//
// A body that lies in the peer's memory (Request.ZeroCopy) has to be freed, or the peer never has that memory again.
func (r Reply) Free() { transport.Free(r.memory) }

// done tells the Executor that nobody needs the body.
func (r Reply) done() {
	if r.Release != nil {
		r.Release()
	}
}
