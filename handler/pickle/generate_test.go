package pickle_test

import (
	"encoding/binary"

	"github.com/gopyrpc/gopyrpc/handler/pickle"
)

// generator writes a pickle that is mostly in order, as bytes tell it to: it knows what is on the stack and in the memo,
// and does next what the next byte says if that can be done. So a fuzzer gets far behind the first rule.
type generator struct {
	script []byte
	out    []byte
	stack  []value
	marks  []int
	memo   []*object
}

// object is what the generator knows of a value.
type object struct {
	kind  pickle.Kind
	items []*object // of a tuple
	index int       // in the memo, or -1
	built bool
	added byte // the last opcode that added to it
}

// value is an object on the stack.
type value struct {
	*object
	own bool
}

// generate writes a pickle of protocol 5. What is left on the stack ends in one tuple.
func generate(script []byte) []byte {
	g := &generator{script: script, out: []byte("\x80\x05(")}
	for len(g.script) > 0 {
		g.step(g.next())
	}
	for range g.marks {
		g.emit('t')
	}
	return append(g.out, 't', '.')
}

func (g *generator) next() byte {
	if len(g.script) == 0 {
		return 0
	}
	b := g.script[0]
	g.script = g.script[1:]
	return b
}

func (g *generator) emit(b ...byte) { g.out = append(g.out, b...) }

func (g *generator) push(kind pickle.Kind, items ...*object) {
	g.stack = append(g.stack, value{&object{kind: kind, items: items, index: -1}, true})
}

// within is how many values are above the last mark.
func (g *generator) within() int {
	if len(g.marks) == 0 {
		return len(g.stack)
	}
	return len(g.stack) - g.marks[len(g.marks)-1]
}

// top is the value that is so far down, which must be above the last mark.
func (g *generator) top(down int) value { return g.stack[len(g.stack)-1-down] }

func (g *generator) step(b byte) {
	arg := g.next()
	switch b % 26 {
	case 0:
		g.emit("N\x88\x89)"[arg%4])
		g.push([]pickle.Kind{pickle.None, pickle.Bool, pickle.Bool, pickle.Tuple}[arg%4])
	case 1:
		g.emit('K', arg)
		g.push(pickle.Int)
	case 2:
		g.emit('G')
		g.out = binary.BigEndian.AppendUint64(g.out, uint64(arg)<<56|uint64(arg)<<48|uint64(arg&1))
		g.push(pickle.Float)
	case 3:
		g.emit(0x8c, 1, 'a'+arg%8)
		g.push(pickle.Str)
	case 4:
		g.emit('C', 1, arg)
		g.push(pickle.Bytes)
	case 5, 6, 7:
		g.emit("]}\x8f"[b%26-5])
		g.push([]pickle.Kind{pickle.List, pickle.Dict, pickle.Set}[b%26-5])
		if arg%4 > 0 {
			g.memoize()
		}
	case 8:
		g.emit('(')
		g.marks = append(g.marks, len(g.stack))
	case 9:
		g.get(arg)
	case 10, 11, 12, 13:
		g.fixed(b%26, arg)
	case 14, 15, 16, 17, 18:
		g.fill(b % 26)
	case 19:
		g.emit(0x8c, 1, 'm', 0x8c, 1, 'a'+arg%4, 0x93)
		g.push(pickle.Global)
		if arg&16 > 0 {
			g.memoize()
		}
	case 20, 21:
		g.object(b % 26)
	case 22:
		if g.within() > 1 && g.isObject(1) && !g.top(1).built {
			g.top(1).built = true
			g.emit('b')
			g.drop(1)
		}
	case 23:
		g.memoize()
	case 24:
		g.again(arg)
	case 25:
		g.setter(arg)
	}
}

func (g *generator) drop(n int) { g.stack = g.stack[:len(g.stack)-n] }

func (g *generator) memoize() {
	if g.within() < 1 {
		return
	}
	top := g.top(0)
	empty := top.kind == pickle.Tuple && len(top.items) == 0
	if top.own && top.index < 0 && top.kind > pickle.Float && !empty && len(g.memo) < 256 {
		top.index = len(g.memo)
		g.memo = append(g.memo, top.object)
		g.emit(0x94)
	}
}

func (g *generator) get(arg byte) {
	if len(g.memo) > 0 {
		index := len(g.memo) - 1 - int(arg)%len(g.memo)
		g.emit('h', byte(index))
		g.stack = append(g.stack, value{object: g.memo[index]})
	}
}

// fixed makes a tuple, or a frozenset.
func (g *generator) fixed(which, arg byte) {
	size, op := int(arg%3)+1, 0x85+arg%3
	if which >= 12 {
		if len(g.marks) == 0 {
			return
		}
		size, op = g.within(), "t\x91"[which-12]
		g.marks = g.marks[:len(g.marks)-1]
	}
	if len(g.stack) < size || which < 12 && g.within() < size {
		return
	}
	var items []*object
	for _, v := range g.stack[len(g.stack)-size:] {
		items = append(items, v.object)
	}
	g.drop(size)
	g.emit(op)
	kind := pickle.Tuple
	if which == 13 {
		kind = pickle.FrozenSet
	}
	g.push(kind, items...)
	if arg&64 > 0 {
		g.memoize()
	}
}

// fill adds to a container.
func (g *generator) fill(which byte) {
	kind := []pickle.Kind{pickle.List, pickle.List, pickle.Dict, pickle.Dict, pickle.Set}[which-14]
	size := []int{1, 0, 2, 0, 0}[which-14]
	fence := len(g.stack) - g.within()
	if size == 0 {
		if len(g.marks) == 0 {
			return
		}
		size = g.within()
		fence = 0
		if len(g.marks) > 1 {
			fence = g.marks[len(g.marks)-2]
		}
		if kind == pickle.Dict && size%2 > 0 {
			g.emit('N')
			g.push(pickle.None)
			size++
		}
	}
	at := len(g.stack) - size - 1
	if at < fence || !g.stack[at].own || g.stack[at].kind != kind && !g.isObject(size) {
		return
	}
	op := "aesu\x90"[which-14]
	if added := g.stack[at].added; added != 0 && (g.stack[at].kind == kind || added == 's' || added == op) || g.stack[at].built {
		return
	}
	g.stack[at].added = op
	if which == 15 || which >= 17 {
		g.marks = g.marks[:len(g.marks)-1]
	}
	g.drop(size)
	g.emit(op)
}

func (g *generator) isObject(down int) bool {
	v := g.top(down)
	return v.own && (v.kind == pickle.Reduce || v.kind == pickle.Instance)
}

// object makes an instance, or calls.
func (g *generator) object(which byte) {
	if g.within() < 2 || g.top(0).kind != pickle.Tuple || g.top(1).kind < pickle.Global {
		return
	}
	g.drop(2)
	g.emit("R\x81"[which-20])
	g.push([]pickle.Kind{pickle.Reduce, pickle.Instance}[which-20])
}

// again fetches a tuple the way that a tuple in itself is: its elements are there, and dropped.
func (g *generator) again(arg byte) {
	if len(g.memo) == 0 {
		return
	}
	t := g.memo[int(arg)%len(g.memo)]
	if t.kind != pickle.Tuple && t.kind != pickle.FrozenSet || len(t.items) == 0 {
		return
	}
	for _, item := range t.items {
		if item.index < 0 {
			return
		}
	}
	marked := t.kind == pickle.FrozenSet || len(t.items) > 3
	if marked {
		g.emit('(')
	}
	for _, item := range t.items {
		g.emit('h', byte(item.index))
	}
	if marked {
		g.emit('1')
	} else {
		for range t.items {
			g.emit('0')
		}
	}
	g.emit('h', byte(t.index))
	g.stack = append(g.stack, value{object: t})
}

// setter calls a function that sets a state.
func (g *generator) setter(arg byte) {
	if g.within() < 1 || !g.isObject(0) || g.top(0).index < 0 || g.top(0).built {
		return
	}
	g.top(0).built = true
	g.emit(0x8c, 1, 'm', 0x8c, 1, 's', 0x93, 'h', byte(g.top(0).index), 'K', arg, 0x86, 'R', '0')
}
