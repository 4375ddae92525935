package policy

import (
	"math"
	"strconv"
	"strings"

	"github.com/gopyrpc/gopyrpc/handler/pickle"
)

// dtype is a type of numpy's elements: of numbers, text, bytes or times, and never of objects or fields.
type dtype struct {
	name string // as numpy.dtype reads it: "<f8", "|S5", "<M8[25us]"
	size int64  // in bytes
}

// sizesOf are the sizes of numbers, in bytes, by numpy's letter.
var sizesOf = map[byte]string{'b': "1", 'i': "1 2 4 8", 'u': "1 2 4 8", 'f': "2 4 8 12 16", 'c': "8 16 24 32", 'm': "8", 'M': "8"}

var timeUnits = map[string]bool{
	"generic": true, "Y": true, "M": true, "W": true, "D": true, "h": true, "m": true, "s": true, "ms": true, "us": true, "μs": true, "ns": true, "ps": true, "fs": true, "as": true,
}

// makeDtype is dtype(name, align, copy) and its state, of which all but the byte order, and for texts the size, says
// what has no fields.
func makeDtype(r *reading, n *pickle.Node, args []*pickle.Node) error {
	if len(args) != 3 || !isStr(args[0]) || !isFlag(args[1]) || !isFlag(args[2]) || len(n.Changes) > 1 {
		return errShape
	}
	var state []*pickle.Node
	if len(n.Changes) == 1 {
		built := n.Changes[0]
		if built.Kind != pickle.Build || built.Items[0].Kind != pickle.Tuple {
			return errShape
		}
		state = built.Items[0].Items
	}
	found, ok := r.dtypeOf(args[0].Text, state)
	if !ok {
		return &Refusal{Name: "numpy:dtype", Offset: n.Offset,
			Rule: "is not a plain type, of numbers, text, bytes or times: arrays of objects and with fields are not let in"}
	}
	r.become(n, "dtype", text(n.Offset, found.name))
	n.Mark = dataType
	if r.types == nil {
		r.types = map[*pickle.Node]dtype{}
	}
	r.types[n] = found
	return nil
}

func isFlag(n *pickle.Node) bool {
	return (isBool(n) || isCount(n)) && n.Int <= 1
}

// dtypeOf reads the arguments and the state of a dtype; without a state it is the type of that name here.
func (r *reading) dtypeOf(code string, state []*pickle.Node) (d dtype, ok bool) {
	if code == "" {
		return d, false
	}
	order, unit := "|", ""
	if len(state) > 0 {
		if order, unit, ok = r.dtypeState(code[0], state); !ok {
			return d, false
		}
	}
	letter, digits := code[0], code[1:]
	size, err := strconv.ParseInt(digits, 10, 32)
	if err != nil || size < 0 || strconv.FormatInt(size, 10) != digits {
		return d, false
	}
	switch letter {
	case 'S', 'V':
		d.size = size
	case 'U':
		d.size = 4 * size
	default:
		if !hasField(sizesOf[letter], digits) {
			return d, false
		}
		d.size = size
	}
	if order == "|" && state == nil && d.size > 1 && letter != 'S' && letter != 'V' {
		order = "=" // as numpy reads a name without an order
	}
	if d.size > math.MaxInt32 || (letter == 'M' || letter == 'm') && unit == "" && len(state) > 0 {
		return d, false
	}
	d.name = order + code + unit
	return d, true
}

func hasField(list, field string) bool {
	for f := range strings.FieldsSeq(list) {
		if f == field {
			return true
		}
	}
	return false
}

// dtypeState reads (version, order, None, None, None, size, alignment, flags) and, of times, their metadata.
func (r *reading) dtypeState(letter byte, state []*pickle.Node) (order, unit string, ok bool) {
	timed := letter == 'M' || letter == 'm'
	if len(state) != 8 && len(state) != 9 || (len(state) == 9) != timed {
		return "", "", false
	}
	if !isCount(state[0]) || !isStr(state[1]) || !isNone(state[2]) || !isNone(state[3]) || !isNone(state[4]) {
		return "", "", false
	}
	for _, n := range state[5:8] {
		if !isInt(n) || n.Big != nil {
			return "", "", false
		}
	}
	order = state[1].Text
	if order != "<" && order != ">" && order != "|" && order != "=" {
		return "", "", false
	}
	if timed {
		unit, ok = r.timeUnit(state[8])
		return order, unit, ok
	}
	return order, "", true
}

// timeUnit reads (metadata, (unit, how many, 1, 1)), and gives the unit as numpy's names of types have it. Metadata that is
// not there is an empty dict, from numpy 2.4 on None.
func (r *reading) timeUnit(n *pickle.Node) (string, bool) {
	if !isTupleOf(n, isAny) || len(n.Items) != 2 {
		return "", false
	}
	if metadata := n.Items[0]; !isNone(metadata) && (metadata.Kind != pickle.Dict || len(metadata.Items) > 0) {
		return "", false
	}
	data := n.Items[1]
	if !isTupleOf(data, isAny) || len(data.Items) != 4 {
		return "", false
	}
	if data.Items[0].Kind == pickle.Reduce && r.visit(data.Items[0]) != nil { // bytes at protocol 2
		return "", false
	}
	unit, ok := small(data.Items[0])
	for _, count := range data.Items[1:] {
		ok = ok && isCount(count) && count.Int > 0 && count.Int <= math.MaxInt32
	}
	if !ok || !timeUnits[string(unit)] {
		return "", false
	}
	many, events := data.Items[1].Int, data.Items[3].Int
	if data.Items[2].Int != 1 || events != 1 {
		return "", false
	}
	switch {
	case string(unit) == "generic":
		return "[generic]", true
	case many == 1:
		return "[" + string(unit) + "]", true
	}
	return "[" + strconv.FormatInt(many, 10) + string(unit) + "]", true
}
