package transport

import "slices"

// Body is what a call carries, in segments, which are kept apart and not looked at.
type Body [][]byte

// Memory is what a received body is in until it is freed. Free may be called more than once.
type Memory interface{ Free() }

// Free frees the memory of a body, which may be in none.
func Free(m Memory) {
	if m != nil {
		m.Free()
	}
}

// Size is the number of bytes in all segments.
func (b Body) Size() int64 {
	var n int64
	for _, s := range b {
		n += int64(len(s))
	}
	return n
}

// Clone copies a body.
func (b Body) Clone() Body {
	c := make(Body, len(b))
	for i, segment := range b {
		c[i] = slices.Clone(segment)
	}
	return c
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
