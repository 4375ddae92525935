package pickle

import (
	"encoding/binary"
	"fmt"
	"sync"
	"unicode/utf8"
)

// Write writes the canonical pickle of a tree: protocol 5, one frame, and of all opcodes only those of plain values and
// containers, of the memo, STACK_GLOBAL and REDUCE, NEXT_BUFFER for the bytes of [LargeData] and more and for what is [Given], and POP. BUILD,
// NEWOBJ and additions to what is not exactly a list, a dict or a set never come out: a tree with an Instance, or with
// a [Change] other than [Call], is an error, an [*Error] with the node's offset.
//
// What the tree has in several places is written once, and memoized, and so is what holds itself. An object that is
// among the arguments of the call that makes it is made twice, and the first is dropped, as CPython does it.
//
// Several goroutines may write trees that have nodes in common. Nodes and text that are not UTF-8 or too deep, more
// than 10,000 levels, are errors.
func Write(root *Node) (Output, error) {
	w := writers.Get().(*writer)
	defer w.leave()
	if err := w.visit(root, 0); err != nil {
		return Output{}, err
	}
	w.out = make([]byte, headSize, headSize+w.size+1)
	if w.beside > 0 {
		w.buffers = make([]Buffer, 0, w.beside)
	}
	if err := w.node(root, 0); err != nil {
		return Output{}, err
	}
	w.op(opStop)
	w.out[0], w.out[1], w.out[2] = opProto, maxProtocol, opFrame
	binary.LittleEndian.PutUint64(w.out[3:], uint64(len(w.out)-headSize))
	return Output{Pickle: w.out, Buffers: w.buffers}, nil
}

const (
	headSize  = 2 + 9  // PROTO, and FRAME with its length
	maxLevels = 10_000 // of recursion
	batchSize = 1000   // items for one opcode, so that the unpickler's stack stays small
)

var writers = sync.Pool{New: func() any { return new(writer) }}

type writer struct {
	uses
	out     []byte
	buffers []Buffer
	size    int   // how long the pickle is, estimated
	beside  int   // how many buffers it has, estimated
	memo    int32 // how many values are memoized
}

// leave drops what the writer refers to, and makes it ready for the next.
func (w *writer) leave() {
	w.reset()
	*w = writer{uses: w.uses}
	writers.Put(w)
}

// visit counts how often the tree refers to each node that can be shared.
func (w *writer) visit(n *Node, level int) error {
	w.size += 4
	switch n.Kind {
	case None, Bool:
		return nil
	case Int, Float:
		w.size += 8
		return nil
	case Str:
		w.size += len(n.Text) + 8
	case Global:
		w.size += len(n.Module) + len(n.Text) + 8
	case Bytes, ByteArray:
		w.size += 8
		if size := dataSize(n); size < LargeData {
			w.size += size
		}
	}
	if !canBeShared(n) {
		return nil
	}
	if level > maxLevels {
		return refuse(n, fmt.Sprintf("a tree is at most %d levels deep", maxLevels))
	}
	e := w.find(n)
	e.times++
	if e.state != unseen {
		w.twice(n, e)
		return nil
	}
	e.state = within
	if n.Kind == Given || len(n.Data) > 0 && dataSize(n) >= LargeData {
		w.beside++
	}
	if len(n.Changes) > 0 {
		e.times++ // each change refers to it
	}
	if err := w.visitAll(n.Items, level+1); err != nil {
		return err
	}
	if len(n.Items) > 0 {
		e = w.find(n) // the table may have grown
	}
	e.state = counted // also while its changes are: it is in the memo then
	for _, change := range n.Changes {
		w.size += 8
		if err := w.visitAll(change.Items, level+1); err != nil {
			return err
		}
	}
	return nil
}

func (w *writer) visitAll(nodes []*Node, level int) error {
	for _, n := range nodes {
		if err := w.visit(n, level); err != nil {
			return err
		}
	}
	return nil
}

// twice counts the items of what holds itself a second time, if it is fixed: it is written while it is being
// written, so that each of them is needed twice.
func (w *writer) twice(n *Node, e *use) {
	if e.state != within || n.Kind != Tuple && n.Kind != FrozenSet && n.Kind != Reduce {
		return
	}
	e.state = holdsItself
	for _, item := range n.Items {
		if canBeShared(item) {
			e := w.find(item)
			e.times++
			w.twice(item, e)
		}
	}
}

func dataSize(n *Node) int {
	size := 0
	for _, part := range n.Data {
		size += len(part)
	}
	return size
}

// node writes a node, or fetches it from the memo.
func (w *writer) node(n *Node, level int) error {
	switch n.Kind {
	case None:
		w.op(opNone)
		return nil
	case Bool:
		w.op(opNewFalse - byte(n.Int&1))
		return nil
	case Int:
		w.integer(n)
		return nil
	case Float:
		w.op(opBinFloat)
		w.out = binary.BigEndian.AppendUint64(w.out, floatBits(n))
		return nil
	}
	if !canBeShared(n) {
		w.op(opEmptyTuple)
		return nil
	}
	e := w.find(n)
	if e.memo > 0 {
		w.fetch(e)
		return nil
	}
	if level > maxLevels {
		return refuse(n, "a tuple or an object does not hold itself, but by way of a list, a dict, a set or a change")
	}
	return w.shared(n, e, level+1)
}

// shared writes a node that can be memoized and is not yet. The entry is good until the end: no node is new here.
func (w *writer) shared(n *Node, e *use, level int) error {
	switch n.Kind {
	case Str:
		if !w.text(n.Text) {
			return refuse(n, "the text of a str is UTF-8")
		}
	case Bytes, ByteArray:
		w.bytes(n)
	case Global:
		if !isName(n.Module) || !isName(n.Text) {
			return refuse(n, fmt.Sprintf("the name of a global is UTF-8 without control characters, 1 to %d bytes", maxName))
		}
		w.text(n.Module)
		w.text(n.Text)
		w.op(opStackGlobal)
	case Given:
		w.op(opNextBuffer)
		w.buffers = append(w.buffers, Buffer{Given: n})
	case List, Dict, Set:
		w.op(empty[n.Kind])
		w.memoize(e)
		return w.fill(n, level)
	case Tuple, FrozenSet:
		return w.fixed(n, e, level)
	case Reduce:
		return w.call(n, e, level)
	default:
		return refuse(n, "the canonical pickle has calls in place of instances")
	}
	w.memoize(e)
	return nil
}

var empty = [...]byte{List: opEmptyList, Dict: opEmptyDict, Set: opEmptySet}

// fill writes the items of a list, a dict or a set, which is on the stack.
func (w *writer) fill(n *Node, level int) error {
	one, many, group := byte(opAppend), byte(opAppends), 1
	switch n.Kind {
	case Dict:
		one, many, group = opSetItem, opSetItems, 2
	case Set:
		one, many = opAddItems, opAddItems
	}
	if len(n.Items)%group != 0 {
		return refuse(n, "a dict has a value for each key")
	}
	for rest := n.Items; len(rest) > 0; {
		batch := rest[:min(len(rest), batchSize*group)]
		rest = rest[len(batch):]
		op := many
		if len(batch) == group && n.Kind != Set {
			op = one
		} else {
			w.op(opMark)
		}
		if err := w.nodes(batch, level); err != nil {
			return err
		}
		w.op(op)
	}
	return nil
}

func (w *writer) nodes(nodes []*Node, level int) error {
	for _, n := range nodes {
		if err := w.node(n, level); err != nil {
			return err
		}
	}
	return nil
}

// fixed writes a tuple or a frozenset. If it holds itself, that has written it already.
func (w *writer) fixed(n *Node, e *use, level int) error {
	marked := n.Kind == FrozenSet || len(n.Items) > 3
	if marked {
		w.op(opMark)
	}
	if err := w.nodes(n.Items, level); err != nil {
		return err
	}
	switch {
	case e.memo > 0 && marked:
		w.op(opPopMark)
		w.fetch(e)
		return nil
	case e.memo > 0:
		for range n.Items {
			w.op(opPop)
		}
		w.fetch(e)
		return nil
	case n.Kind == FrozenSet:
		w.op(opFrozenSet)
	case marked:
		w.op(opTuple)
	default:
		w.op(opTuple1 + byte(len(n.Items)) - 1)
	}
	w.memoize(e)
	return nil
}

// call writes a Reduce and the calls that follow it.
func (w *writer) call(n *Node, e *use, level int) error {
	if len(n.Items) != 2 || n.Items[1].Kind != Tuple {
		return refuse(n, "a call has a callable and a tuple of arguments")
	}
	if err := w.nodes(n.Items, level); err != nil {
		return err
	}
	w.op(opReduce)
	if e.memo > 0 {
		w.op(opPop)
		w.fetch(e)
		return nil
	}
	w.memoize(e)
	for _, change := range n.Changes {
		if change.Kind != Call || len(change.Items) == 0 {
			return refuse(n, "the canonical pickle has calls in place of changes")
		}
		if err := w.then(e, change.Items, level); err != nil {
			return err
		}
	}
	return nil
}

// then writes a call with an object as its first argument, and drops what it returns.
func (w *writer) then(object *use, items []*Node, level int) error {
	if err := w.node(items[0], level); err != nil {
		return err
	}
	if len(items) > 3 {
		w.op(opMark)
	}
	w.fetch(object)
	if err := w.nodes(items[1:], level); err != nil {
		return err
	}
	if len(items) > 3 {
		w.op(opTuple)
	} else {
		w.op(opTuple1 + byte(len(items)) - 1)
	}
	w.op(opReduce)
	w.op(opPop)
	return nil
}

// memoize memoizes what is on the stack, if the pickle refers to it again.
func (w *writer) memoize(e *use) {
	if e.times > 1 {
		w.op(opMemoize)
		w.memo++
		e.memo = w.memo
	}
}

func (w *writer) fetch(e *use) {
	if index := e.memo - 1; index < 256 {
		w.out = append(w.out, opBinGet, byte(index))
	} else {
		w.out = binary.LittleEndian.AppendUint32(append(w.out, opLongBinGet), uint32(index))
	}
}

func (w *writer) op(op byte) { w.out = append(w.out, op) }

func refuse(n *Node, rule string) error { return &Error{Offset: n.Offset, Rule: rule} }

// text writes a str. It returns false for what is not UTF-8.
func (w *writer) text(s string) bool {
	switch {
	case len(s) < 1<<8:
		w.out = append(w.out, opShortBinUni, byte(len(s)))
	case len(s) < 1<<32:
		w.out = binary.LittleEndian.AppendUint32(append(w.out, opBinUnicode), uint32(len(s)))
	default:
		w.out = binary.LittleEndian.AppendUint64(append(w.out, opBinUnicode8), uint64(len(s)))
	}
	w.out = append(w.out, s...)
	if utf8.ValidString(s) {
		return true
	}
	_, ok := sizeOfStr([]byte(s))
	return ok
}
