package policy

import (
	"math/bits"

	"github.com/gopyrpc/gopyrpc/handler/pickle"
)

// maxDimensions is numpy 2's; numpy 1 refuses more than 32 by itself.
const maxDimensions = 64

// makeArray is an array below protocol 5: _reconstruct(ndarray, (0,), b"b"), and its state.
func makeArray(r *reading, n *pickle.Node, args []*pickle.Node) error {
	if len(args) != 3 || !isNdarray(args[0]) || !isTupleOf(args[1], isCount) || len(n.Changes) != 1 || n.Changes[0].Kind != pickle.Build {
		return errShape
	}
	state := n.Changes[0].Items[0]
	if state.Kind != pickle.Tuple || len(state.Items) != 5 || !isCount(state.Items[0]) || !isFlag(state.Items[3]) {
		return errShape
	}
	shape, of, fortran, data := state.Items[1], state.Items[2], state.Items[3], state.Items[4]
	for _, item := range []*pickle.Node{args[2], of, data} {
		if item.Kind == pickle.Global {
			return errShape
		}
		if err := r.visit(item); err != nil {
			return err
		}
	}
	if data.Kind != pickle.Bytes && data.Kind != pickle.ByteArray {
		return errShape
	}
	order := "C"
	if fortran.Int == 1 {
		order = "F"
	}
	return r.array(n, shape, of, &pickle.Node{Kind: pickle.ByteArray, Offset: data.Offset, Data: data.Data, Mark: seen}, text(n.Offset, order), nil)
}

func isNdarray(n *pickle.Node) bool {
	return n.Kind == pickle.Global && n.Module == "numpy" && n.Text == "ndarray"
}

// makeFromBuffer is an array at protocol 5: its bytes, dtype, shape and order, and if that is "K" the order of its axes.
func makeFromBuffer(r *reading, n *pickle.Node, args []*pickle.Node) error {
	if len(args) != 4 && len(args) != 5 || args[0].Kind != pickle.Bytes && args[0].Kind != pickle.ByteArray || args[1].Kind == pickle.Global {
		return errShape
	}
	if err := r.visit(args[1]); err != nil {
		return err
	}
	order := args[3]
	if !isStr(order) || order.Text != "C" && order.Text != "F" && order.Text != "K" {
		return errShape
	}
	var axes *pickle.Node
	if len(args) == 5 && !isNone(args[4]) {
		if axes = args[4]; !isTupleOf(axes, isCount) || order.Text != "K" {
			return errShape
		}
	} else if order.Text == "K" {
		return errShape
	}
	return r.array(n, args[2], args[1], args[0], order, axes)
}

// array makes sure that the bytes are as many as the shape takes.
func (r *reading) array(n, shape, of, data, order, axes *pickle.Node) error {
	element, known := r.types[of]
	if !known || !isTupleOf(shape, isCount) || len(shape.Items) > maxDimensions {
		return errShape
	}
	total, fits := uint64(1), true
	for _, dimension := range shape.Items {
		var high uint64
		if high, total = bits.Mul64(total, uint64(dimension.Int)); high > 0 {
			fits = false
		}
	}
	high, total := bits.Mul64(total, uint64(element.size))
	if !fits || high > 0 || total != uint64(lengthOf(data)) || element.size == 0 && total == 0 && !isEmpty(shape) {
		return &Refusal{Name: "numpy:ndarray", Rule: "has another number of bytes than its shape takes", Offset: n.Offset}
	}
	args := []*pickle.Node{data, of, shape, order}
	if axes != nil {
		args = append(args, axes)
	}
	r.become(n, "array", args...)
	return nil
}

// isEmpty says whether a shape has no elements. Elements of no bytes could be any number.
func isEmpty(shape *pickle.Node) bool {
	for _, dimension := range shape.Items {
		if dimension.Int == 0 {
			return true
		}
	}
	return false
}

func lengthOf(data *pickle.Node) (n int64) {
	for _, part := range data.Data {
		n += int64(len(part))
	}
	return n
}

// makeScalar is a scalar of numpy: its dtype and its bytes.
func makeScalar(r *reading, n *pickle.Node, args []*pickle.Node) error {
	args, err := r.visited(args, isMarked(dataType), isBytes)
	if err != nil {
		return err
	}
	if of := r.types[args[0]]; of.size == 0 || of.size != lengthOf(args[1]) {
		return &Refusal{Name: "numpy:generic", Rule: "has another number of bytes than its dtype takes", Offset: n.Offset}
	}
	r.become(n, "scalar", args...)
	return nil
}

func isBytes(n *pickle.Node) bool { return n.Kind == pickle.Bytes }
