package pickle

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/big"
	"unsafe"
)

// push puts a node that was made just now onto the stack.
func (r *reader) push(n *Node) bool {
	if len(r.stack) >= r.limits.Nodes {
		return r.tooMany()
	}
	r.stack = append(r.stack, slot{n, true})
	return true
}

// pushShared puts a node onto the stack that was made elsewhere.
func (r *reader) pushShared(n *Node) bool {
	if len(r.stack) >= r.limits.Nodes {
		return r.tooMany()
	}
	r.stack = append(r.stack, slot{node: n})
	return true
}

func (r *reader) tooMany() bool {
	return r.fail(fmt.Sprintf("a pickle has %d objects at most, and as many at once on its stack", r.limits.Nodes))
}

// grow adds to what the objects take, in bytes.
func (r *reader) grow(bytes int64) bool {
	r.memory += bytes
	if r.memory > r.limits.Memory {
		return r.fail(fmt.Sprintf("the objects of a pickle take %d bytes at most", r.limits.Memory))
	}
	return true
}

// constant reads NONE, NEWTRUE, NEWFALSE and EMPTY_TUPLE.
func (r *reader) constant() bool {
	var known **Node
	var kind Kind
	switch r.op {
	case opNone:
		known, kind = &r.none, None
	case opNewTrue:
		known, kind = &r.yes, Bool
	case opNewFalse:
		known, kind = &r.no, Bool
	default:
		known, kind = &r.empty, Tuple
	}
	if *known == nil {
		n := r.node(kind)
		if n == nil {
			return false
		}
		if r.op == opNewTrue {
			n.Int = 1
		}
		*known = n
	}
	return r.push(*known)
}

// integer reads the opcodes of int.
func (r *reader) integer() bool {
	width := 0
	switch r.op {
	case opBinInt1, opLong1:
		width = 1
	case opBinInt2:
		width = 2
	case opBinInt, opLong4:
		width = 4
	}
	if r.op == opLong1 || r.op == opLong4 {
		return r.long(width)
	}
	b, ok := r.argument(width)
	if !ok {
		return false
	}
	n := r.node(Int)
	if n == nil {
		return false
	}
	n.Int = int64(littleEndian(b))
	if r.op == opBinInt {
		n.Int = int64(int32(n.Int))
	}
	return r.grow(sizeOfInt) && r.push(n)
}

// long reads LONG1 and LONG4: two's complement, the least byte first.
func (r *reader) long(width int) bool {
	size, ok := r.length(width)
	if !ok {
		return false
	}
	if size > r.limits.IntBytes {
		return r.fail(fmt.Sprintf("an int has %d bytes at most", r.limits.IntBytes))
	}
	b := r.take(size)
	n := r.node(Int)
	if n == nil {
		return false
	}
	n.Int, n.Big = twosComplement(b)
	n.weight += int32(size / 64)
	return r.grow(sizeOfInt+int64(size)*8/7) && r.push(n)
}

// twosComplement decodes an integer, into a big one only if it needs to be.
func twosComplement(b []byte) (int64, *big.Int) {
	negative := len(b) > 0 && b[len(b)-1]&0x80 != 0
	fill := byte(0)
	if negative {
		fill = 0xff
	}
	for len(b) > 8 && b[len(b)-1] == fill && (b[len(b)-2]^fill)&0x80 == 0 {
		b = b[:len(b)-1]
	}
	if len(b) <= 8 {
		var wide [8]byte
		for i := range wide {
			wide[i] = fill
		}
		copy(wide[:], b)
		return int64(binary.LittleEndian.Uint64(wide[:])), nil
	}
	reversed := make([]byte, len(b))
	for i, x := range b {
		reversed[len(b)-1-i] = x
	}
	n := new(big.Int).SetBytes(reversed)
	if negative {
		n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(8*len(b))))
	}
	return 0, n
}

// float reads BINFLOAT.
func (r *reader) float() bool {
	b, ok := r.argument(8)
	if !ok {
		return false
	}
	n := r.node(Float)
	if n == nil {
		return false
	}
	n.Float = math.Float64frombits(binary.BigEndian.Uint64(b))
	return r.grow(sizeOfFloat) && r.push(n)
}

// str reads the opcodes of str.
func (r *reader) str() bool {
	width := 1
	switch r.op {
	case opBinUnicode:
		width = 4
	case opBinUnicode8:
		width = 8
	}
	size, ok := r.length(width)
	if !ok {
		return false
	}
	b := r.take(size)
	memory, ok := sizeOfStr(b)
	if !ok {
		return r.fail("the text of a str is UTF-8")
	}
	n := r.node(Str)
	if n == nil {
		return false
	}
	n.Text = textOf(b)
	return r.grow(memory) && r.push(n)
}

// textOf is the text that lies in a window, which nobody writes to again.
func textOf(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	return unsafe.String(&b[0], len(b))
}

// bytes reads the opcodes of bytes and bytearray.
func (r *reader) bytes() bool {
	width, kind := 1, Bytes
	switch r.op {
	case opBinBytes:
		width = 4
	case opBinBytes8:
		width = 8
	case opByteArray8:
		width, kind = 8, ByteArray
	}
	size, ok := r.length(width)
	if !ok {
		return false
	}
	n := r.node(kind)
	if n == nil {
		return false
	}
	memory := int64(sizeOfBytes)
	switch {
	case size >= LargeData:
		n.Data = r.body(size)
	case size > 0:
		n.Data = r.part(r.take(size))
		memory += int64(size)
	}
	return r.grow(memory) && r.push(n)
}
