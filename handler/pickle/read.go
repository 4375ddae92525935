package pickle

import (
	"fmt"
	"sync"
)

// Read reads the pickle that the joined parts are. The parts may lie in memory that a peer can write to meanwhile:
// what is checked is a copy, and only the bytes of [LargeData] and more, which nothing looks at, stay where they lie.
// The tree refers to the parts for as long as it has such bytes.
//
// A pickle is read only if CPython's own pickler could have written it, at one of the protocols 2 to 5, with its
// buffers in band and without persistent ids and extension codes. The error is an [*Error].
//
// The nodes of None, True, False and () are one node each for the whole tree: put another in its place instead of
// changing it.
func Read(parts [][]byte, limits Limits) (*Node, error) {
	r := readers.Get().(*reader)
	defer r.leave()
	r.limits = limits.withDefaults()
	r.open(parts)
	if !r.run() {
		return nil, r.err
	}
	return r.stack[0].node, nil
}

var readers = sync.Pool{New: func() any { return new(reader) }}

// reader is CPython's unpickling machine, with nodes for objects.
type reader struct {
	input
	limits Limits
	proto  byte
	op     byte // the opcode that is being read
	at     int  // its offset
	err    error

	stack  []slot
	marks  []int // how many values are below each mark
	fence  int   // the last of marks: what is below it is out of reach
	memo   []*Node
	memory int64
	keyed  []*Node // with keys to be looked at when all is read
	hashes int     // how many nodes the hashes of the keys visit

	slab
}

// slot is a value on the stack.
type slot struct {
	node *Node
	own  bool // made at this place, and not fetched from the memo
}

// leave drops what the reader refers to, and makes it ready for the next if it has not become large.
func (r *reader) leave() {
	if cap(r.stack) > 256 || cap(r.memo) > 1024 {
		return
	}
	clear(r.stack[:cap(r.stack)])
	clear(r.memo)
	*r = reader{stack: r.stack[:0], marks: r.marks[:0], memo: r.memo[:0]}
	readers.Put(r)
}

// run reads up to the end. It returns false with r.err set, as all that is named by an opcode does.
func (r *reader) run() bool {
	if !r.begin() {
		return false
	}
	isRead := &readAt[r.proto-minProtocol]
	for {
		r.at = r.offset()
		if r.at == r.end && !r.leaveFrame() {
			return false
		}
		if r.pos < len(r.window) {
			r.op = r.window[r.pos]
			r.pos++
		} else {
			r.op = r.take(1)[0]
		}
		if !isRead[r.op] {
			return r.refuseOpcode(&opcodes[r.op])
		}
		if r.op == opStop {
			return r.stop()
		}
		if !r.step() {
			return false
		}
	}
}

// begin reads PROTO.
func (r *reader) begin() bool {
	const rule = "a pickle begins with PROTO and one of the protocols 2 to 5"
	if r.rest() < 2 {
		return r.fail(rule)
	}
	head := r.take(2)
	r.op, r.proto = head[0], head[1]
	if r.op != opProto || r.proto < minProtocol || r.proto > maxProtocol {
		return r.fail(rule)
	}
	r.init(r.size)
	return true
}

// leaveFrame is for where the frame, or the pickle, has no more bytes.
func (r *reader) leaveFrame() bool {
	if !r.framed || r.end == r.size {
		r.at, r.op = r.size, 0
		return r.failAt(r.size, "", "a pickle ends with STOP")
	}
	r.framed, r.end = false, r.size
	return true
}

func (r *reader) refuseOpcode(known *opcode) bool {
	switch {
	case known.name == "":
		return r.failAt(r.at, "", fmt.Sprintf("there is no opcode 0x%02x", r.op))
	case known.first == 0:
		return r.fail("only opcodes that CPython's pickler writes at the protocols 2 to 5, in band, are read")
	case r.proto < known.first:
		return r.fail(fmt.Sprintf("the opcode is one of protocol %d and later, and the pickle says %d", known.first, r.proto))
	}
	return r.fail(fmt.Sprintf("the opcode is one of protocol %d and before, and the pickle says %d", known.last, r.proto))
}

// stop reads STOP.
func (r *reader) stop() bool {
	if len(r.marks) > 0 || len(r.stack) != 1 {
		return r.fail("one value, and no mark, is left at the end")
	}
	if r.offset() != r.size {
		return r.fail("nothing comes behind STOP")
	}
	return r.checkKeys()
}

// step reads one opcode that is not STOP.
func (r *reader) step() bool {
	switch r.op {
	case opFrame:
		return r.frame()
	case opMemoize, opBinPut, opLongBinPut:
		return r.put()
	case opBinGet, opLongBinGet:
		return r.get()
	case opMark:
		return r.mark()
	case opPop:
		return r.pop()
	case opPopMark:
		return r.popMark()
	case opNone, opNewTrue, opNewFalse, opEmptyTuple:
		return r.constant()
	case opBinInt, opBinInt1, opBinInt2, opLong1, opLong4:
		return r.integer()
	case opBinFloat:
		return r.float()
	case opShortBinUni, opBinUnicode, opBinUnicode8:
		return r.str()
	case opShortBinBytes, opBinBytes, opBinBytes8, opByteArray8:
		return r.bytes()
	case opEmptyList, opEmptyDict, opEmptySet:
		return r.container()
	case opTuple, opTuple1, opTuple2, opTuple3, opFrozenSet:
		return r.fixed()
	case opAppend, opAppends:
		return r.appends()
	case opSetItem, opSetItems:
		return r.setItems()
	case opAddItems:
		return r.addItems()
	case opGlobal, opStackGlobal:
		return r.global()
	case opReduce, opNewObj, opNewObjEx:
		return r.object()
	case opBuild:
		return r.build()
	}
	return r.fail("PROTO comes once, at the beginning") // what is left of the opcodes that are read
}

// mark reads MARK.
func (r *reader) mark() bool {
	if len(r.marks) >= r.limits.Nodes {
		return r.tooMany()
	}
	r.marks = append(r.marks, len(r.stack))
	r.fence = len(r.stack)
	return true
}

// frame reads FRAME.
func (r *reader) frame() bool {
	if r.framed {
		return r.fail("a frame does not begin within another")
	}
	n, ok := r.length(8)
	if !ok {
		return false
	}
	if n < 1 {
		return r.fail("a frame has one byte at least")
	}
	r.framed, r.end = true, r.offset()+n
	return true
}

// argument reads the next n bytes, which belong to the opcode.
func (r *reader) argument(n int) ([]byte, bool) {
	if n > r.rest() {
		r.fail("an opcode ends with its argument where its frame, or the pickle, ends, or before")
		return nil, false
	}
	return r.take(n), true
}

// length reads a length of so many bytes, of bytes that follow and are there.
func (r *reader) length(width int) (int, bool) {
	b, ok := r.argument(width)
	if !ok {
		return 0, false
	}
	n := littleEndian(b)
	if n > uint64(r.rest()) {
		r.fail("what has a length ends where its frame, or the pickle, ends, or before")
		return 0, false
	}
	return int(n), true
}

func littleEndian(b []byte) uint64 {
	var n uint64
	for i, x := range b {
		n |= uint64(x) << (8 * i)
	}
	return n
}

// fail sets the error to a rule that the current opcode breaks, and returns false.
func (r *reader) fail(rule string) bool { return r.failAt(r.at, opcodes[r.op].name, rule) }

func (r *reader) failAt(offset int, opcode, rule string) bool {
	r.err = &Error{Offset: offset, Opcode: opcode, Rule: rule}
	return false
}
