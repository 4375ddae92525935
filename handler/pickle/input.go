package pickle

// windowSize is how much of the input is copied at once, in bytes. An input that is no longer is copied whole.
const windowSize = 64 << 10

// firstWindow is the first piece of a longer input, and that behind a large body. The pieces double.
const firstWindow = 1 << 8

// input reads a pickle that lies in parts, which somebody else may be writing to. What is looked at is looked at in
// the window, a private copy: the bytes of the parts themselves are read once, on their way there. A window is never
// written again, so that text and bytes of the tree can lie in it.
type input struct {
	parts  [][]byte
	window []byte
	pos    int // in the window, of the next byte
	base   int // of the window, in bytes from the pickle's start
	size   int // of the pickle
	end    int // of the frame, or of the pickle where there is no frame
	framed bool
	next   int    // the size of the next window
	copied cursor // where copying goes on
	bodies cursor // where large bodies are looked for
}

// cursor is a place among the parts. It only moves forward.
type cursor struct {
	part  int // its index
	start int // of the part, in bytes from the pickle's start
}

func (in *input) open(parts [][]byte) {
	size := 0
	for _, part := range parts {
		size += len(part)
	}
	*in = input{parts: parts, size: size, end: size, next: firstWindow}
	if size <= windowSize {
		in.next = size
	}
}

// offset is that of the next byte, from the pickle's start.
func (in *input) offset() int { return in.base + in.pos }

// rest is how many bytes there are before the end of the frame.
func (in *input) rest() int { return in.end - in.base - in.pos }

// take returns the next n bytes, which must be there: see rest.
func (in *input) take(n int) []byte {
	if n > len(in.window)-in.pos {
		in.refill(n)
	}
	start := in.pos
	in.pos += n
	return in.window[start:in.pos:in.pos]
}

// refill makes a window that begins with the next byte and has n bytes at least.
func (in *input) refill(n int) {
	old := in.window[in.pos:]
	size := min(max(n, in.next), in.size-in.offset())
	in.next = min(2*in.next, windowSize)
	window := make([]byte, size)
	done := copy(window, old)
	in.base += in.pos
	in.pos = 0
	for done < size {
		rest := in.copied.at(in.parts, in.base+done)
		done += copy(window[done:], rest)
	}
	in.window = window
}

// body returns the next n bytes where they lie, n > 0, which must be there.
func (in *input) body(n int) [][]byte {
	from := in.offset()
	var found [][]byte
	for at := from; at < from+n; {
		rest := in.bodies.at(in.parts, at)
		rest = rest[:min(len(rest), from+n-at):min(len(rest), from+n-at)]
		found = append(found, rest)
		at += len(rest)
	}
	in.window, in.pos, in.base = nil, 0, from+n
	in.next = firstWindow
	return found
}

// at moves to the part that has an offset, and returns it from there on. There must be one.
func (c *cursor) at(parts [][]byte, offset int) []byte {
	for offset >= c.start+len(parts[c.part]) {
		c.start += len(parts[c.part])
		c.part++
	}
	return parts[c.part][offset-c.start:]
}
