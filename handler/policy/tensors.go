package policy

import "github.com/gopyrpc/gopyrpc/handler/pickle"

func isTensor(n *pickle.Node) bool { return n.Mark == tensor }

func isIndex(n *pickle.Node) bool { return isCount(n) }

// isSizes is a tuple of ints, as sizes and strides are.
func isSizes(n *pickle.Node) bool { return isTupleOf(n, isCount) }

// isDimensions is a tuple of names, with None where a dimension has none.
func isDimensions(n *pickle.Node) bool {
	return isTupleOf(n, func(n *pickle.Node) bool { return isNone(n) || isStr(n) })
}

func isTupleOf(n *pickle.Node, is shape) bool {
	if n.Kind != pickle.Tuple {
		return false
	}
	for _, item := range n.Items {
		if !is(item) {
			return false
		}
	}
	return true
}

// isExtra is what attributes a tensor has, by name.
func isExtra(n *pickle.Node) bool { return isNone(n) || n.Kind == pickle.Dict && hasNames(n) }

// makeTensor is a tensor that our own receivers make.
func makeTensor(shapes ...shape) func(*reading, *pickle.Node, []*pickle.Node) error {
	return func(r *reading, n *pickle.Node, args []*pickle.Node) error {
		args, err := r.visited(args, shapes...)
		if err != nil {
			return err
		}
		for _, arg := range args {
			if arg.Kind == pickle.Dict {
				if err := checkAttributes(arg); err != nil {
					return err
				}
			}
		}
		r.becomeSame(n, args...)
		n.Mark = tensor
		return nil
	}
}

// makeSubclass is a tensor of a listed class.
func makeSubclass(r *reading, n *pickle.Node, args []*pickle.Node) error {
	if len(args) != 4 || args[0].Kind != pickle.Global {
		return errShape
	}
	v := r.find(args[0])
	class := v.value
	if v.listed {
		class = v.given
	}
	if class == nil {
		return refuseUnlisted(args[0], unlisted)
	}
	rest, err := r.visited(args[1:], isTensor, isBool, isExtra)
	if err != nil {
		return err
	}
	if rest[2].Kind == pickle.Dict {
		if err := checkAttributes(rest[2]); err != nil {
			return err
		}
	}
	r.becomeSame(n, class, rest[0], rest[1], rest[2])
	n.Mark = tensor
	return nil
}
