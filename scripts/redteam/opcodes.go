package main

import (
	"encoding/binary"
	"math"
	"strings"
)

// The functions of this file are a small assembler: each gives the instructions that leave one value on the
// unpickler's stack. The functions check nothing, as they are for pickles that no pickler writes.

const (
	none  = "N"
	yes   = "\x88"
	empty = "}" // a dict
)

// whole is a pickle of protocol 4 of one value.
func whole(value string) []byte { return []byte("\x80\x04" + value + ".") }

// request is a call of victim.echo with the value as its argument. The last argument comes back.
func request(value string) []byte { return whole(udf(global("victim", "echo"), value)) }

// udf is a PythonUDF, as gopyrpc writes it.
func udf(function string, args ...string) string {
	return newobj(global("gopyrpc.internal", "PythonUDF"), function, tuple(args...), empty)
}

// older is a pickle of protocol 2, whose globals are lines of text, and olderRequest is a request in that protocol.
func older(value string) []byte { return []byte("\x80\x02" + value + ".") }

func olderRequest(value string) []byte {
	return older(newobj(line("gopyrpc.internal", "PythonUDF"), line("victim", "echo"), tuple(value), empty))
}

func global(module, name string) string { return text(module) + text(name) + "\x93" }

// line is a global in the text form of protocols 0 to 3.
func line(module, name string) string { return "c" + module + "\n" + name + "\n" }

func text(s string) string { return "X" + little(4, uint64(len(s))) + s }

func blob(b string) string { return "B" + little(4, uint64(len(b))) + b }

func number(n int64) string {
	if n == int64(int32(n)) {
		return "J" + little(4, uint64(uint32(n)))
	}
	sign := "\x00"
	if n < 0 {
		sign = "\xff"
	}
	return "\x8a\x09" + little(8, uint64(n)) + sign // LONG1
}

// natural is an integer given by its bytes, the lowest first.
func natural(bytes string) string {
	if len(bytes) < 255 {
		return "\x8a" + little(1, uint64(len(bytes)+1)) + bytes + "\x00"
	}
	return "\x8b" + little(4, uint64(len(bytes)+1)) + bytes + "\x00"
}

func float(f float64) string {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], math.Float64bits(f))
	return "G" + string(b[:])
}

func tuple(items ...string) string { return "(" + strings.Join(items, "") + "t" }

func list(items ...string) string { return "](" + strings.Join(items, "") + "e" }

// dict is a dict made of key, value, key, value…
func dict(items ...string) string { return "}(" + strings.Join(items, "") + "u" }

func frozenset(items ...string) string { return "(" + strings.Join(items, "") + "\x91" }

func reduce(callable string, args ...string) string { return callable + tuple(args...) + "R" }

// call is reduce of a global by its name.
func call(module, name string, args ...string) string { return reduce(global(module, name), args...) }

func newobj(class string, args ...string) string { return class + tuple(args...) + "\x81" }

func build(object, state string) string { return object + state + "b" }

// setitems adds to a value as to a dict, additions as to a list, members as to a set.
func setitems(object string, items ...string) string {
	return object + "(" + strings.Join(items, "") + "u"
}
func additions(object string, items ...string) string {
	return object + "(" + strings.Join(items, "") + "e"
}
func members(object string, items ...string) string {
	return object + "(" + strings.Join(items, "") + "\x90"
}

// remember puts the value on top of the stack into the memo, as the next entry; recall gets an entry.
const remember = "\x94"

func recall(index int) string {
	if index < 256 {
		return "h" + little(1, uint64(index))
	}
	return "j" + little(4, uint64(index))
}

// put is the remember of protocols 2 and 3, with any index.
func put(index uint32) string { return "r" + little(4, uint64(index)) }

// frame says that so many bytes follow; frame(len(s)) + s is honest.
func frame(size uint64) string { return "\x95" + little(8, size) }

// after is several arguments of a request, of which only the last comes back.
func after(values ...string) string { return strings.Join(values, "") }

func little(size int, n uint64) string {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], n)
	return string(b[:size])
}

func joined(values []string) string { return strings.Join(values, "") }

func nan() float64 { return math.NaN() }
