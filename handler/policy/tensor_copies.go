package policy

import "github.com/gopyrpc/gopyrpc/handler/pickle"

// Bounds of the memory of tensors that a receiver copies. A pickler puts a tensor of its own in the table for each call; a
// hostile payload could have one tensor copied by many calls of a few bytes each.
const (
	spreadCost = 64 << 10  // bytes that a view takes of which little was sent: see _tensors/strides.py
	maxSpread  = 256 << 20 // bytes that all of a payload take
)

// copies are the places in the table of tensors that have been copied, by the receiver that does it.
type copies struct {
	strided, quantized map[int64]bool
	spread             int64 // bytes
}

// makeStrided is a tensor with the strides that it had, in memory of its own.
func makeStrided(r *reading, n *pickle.Node, args []*pickle.Node) error {
	if err := makeTensor(isIndex, isSizes, isSizes)(r, n, args); err != nil {
		return err
	}
	if isScattered(args[1].Items, args[2].Items) {
		r.copies.spread += spreadCost
	}
	if r.copies.spread > maxSpread || !once(&r.copies.strided, args[0].Int) {
		return errShape
	}
	return nil
}

// isScattered says whether there are more than 16 elements of memory for each that is shown.
func isScattered(sizes, strides []*pickle.Node) bool {
	shown, length := 1.0, 1.0
	for i := 0; i < min(len(sizes), len(strides)); i++ {
		if step := float64(strides[i].Int); step > 0 {
			shown *= float64(sizes[i].Int)
			length += float64(sizes[i].Int-1) * step
		}
	}
	return length > 16*shown
}

// makeQuantized is a tensor of ints and what they stand for: one scale and zero, or a tensor of each and their axis.
func makeQuantized(r *reading, n *pickle.Node, args []*pickle.Node) error {
	shapes := []shape{isTensor, isFloat, isInt}
	if len(args) == 4 {
		shapes = []shape{isTensor, isTensor, isTensor, isCount}
	}
	if err := makeTensor(shapes...)(r, n, args); err != nil {
		return err
	}
	of := args[0]
	for of.Kind == pickle.Reduce {
		of = of.Items[1].Items[0]
	}
	if of.Kind != pickle.Int || !once(&r.copies.quantized, of.Int) {
		return errShape
	}
	return nil
}

// once says whether a place was not there, and puts it there.
func once(places *map[int64]bool, place int64) bool {
	if (*places)[place] {
		return false
	}
	if *places == nil {
		*places = map[int64]bool{}
	}
	(*places)[place] = true
	return true
}
