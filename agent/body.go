package agent

// Body is what a call carries, in segments: a pickle, say, and the buffers beside it. The agent looks at
// none of it and keeps the segments apart. Whoever hands a Body over must not change its bytes any more,
// not even after the call: a part may still be on its way when the caller has given up. Where that is too much
// to ask there are Request.CopyNow and Reply.Release.
type Body [][]byte

// Bytes makes a Body of one segment.
func Bytes(b []byte) Body { return Body{b} }

// Size is the number of bytes in all segments.
func (b Body) Size() int64 {
	var n int64
	for _, s := range b {
		n += int64(len(s))
	}
	return n
}

// Request is what a worker asks of another.
type Request struct {
	Body Body
	// CopyNow says that the bytes are the caller's to change again when Call, CallAsync or Remote returns.
	// They are copied if they have to be.
	CopyNow bool
	// Contiguous says that the segments are parts of one: the peer gets them as one.
	Contiguous bool
	// ZeroCopy lets the reply's body lie in memory that the peer can still write to, which saves a copy where both are
	// on one machine: who reads a byte twice may read two. Reply.Free must be called then.
	ZeroCopy bool

	memory memory
}

// owned is the body as an Executor of this agent may have it.
func (r Request) owned() Body {
	switch {
	case r.Contiguous && len(r.Body) > 1:
		return r.Body.join()
	case r.CopyNow:
		return r.Body.clone()
	}
	return r.Body
}

// Free gives the memory of a request that an Executor got, and has done with, back to the agent: Body must
// not be looked at any more. Nobody has to; it saves time where bodies are large.
//
// One that was lent (Config.ZeroCopy) has to be freed, unless somebody is still looking: else its peer has
// that memory no more.
func (r Request) Free() { freeMemory(r.memory) }

// Reply is what the other answers.
type Reply struct {
	Body Body
	// Release, if an Executor sets it, is called once when the agent has done with Body.
	Release func()
	// Contiguous is Request's, for an Executor to set.
	Contiguous bool

	memory memory
}

// owned is the body as a caller of this agent may have it, once it is released.
func (r Reply) owned() Body {
	return Request{Body: r.Body, CopyNow: r.Release != nil, Contiguous: r.Contiguous}.owned()
}

// Free gives the memory of a reply that a caller got, and has done with, back to the agent: Body must not be
// looked at any more. Nobody has to; it saves time where bodies are large.
//
// One that was lent (Request.ZeroCopy) has to be freed, unless somebody is still looking: else its peer has
// that memory no more.
func (r Reply) Free() { freeMemory(r.memory) }

// done tells the Executor that nobody needs the body.
func (r Reply) done() {
	if r.Release != nil {
		r.Release()
	}
}

// sizes are those of the segments that the receiver gets.
func (b Body) sizes(contiguous bool) []uint64 {
	if len(b) == 0 {
		return nil
	}
	if contiguous {
		return []uint64{uint64(b.Size())}
	}
	sizes := make([]uint64, len(b))
	for i, s := range b {
		sizes[i] = uint64(len(s))
	}
	return sizes
}

// cursor reads a body piece by piece.
type cursor struct {
	rest Body
	skip int // bytes of rest[0] that have been taken
}

// take returns the next n bytes, as views, or what there is left.
func (c *cursor) take(n int64) [][]byte {
	var parts [][]byte
	for n > 0 && len(c.rest) > 0 {
		part := c.rest[0][c.skip:]
		if int64(len(part)) > n {
			part = part[:n]
			c.skip += len(part)
		} else {
			c.rest, c.skip = c.rest[1:], 0
		}
		if len(part) > 0 {
			parts = append(parts, part)
		}
		n -= int64(len(part))
	}
	return parts
}
