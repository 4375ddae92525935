package pickle

// DefaultLimits are for a peer that is not trusted.
//
// A level of depth costs CPython a few hundred bytes of stack when it hashes, prints, pickles or frees, and 500 levels
// are below the limit of its own recursion. An integer of up to 1,785 bytes has fewer digits than the 4,300 that
// CPython prints. A node takes about 200 bytes here for as long as a call is read.
var DefaultLimits = Limits{
	Depth:     500,
	Nodes:     1 << 20,
	IntBytes:  1785,
	Memory:    256 << 20,
	EqualKeys: 32,
	KeyNodes:  1000,
}

func (l Limits) withDefaults() Limits {
	d := DefaultLimits
	return Limits{
		Depth: or(l.Depth, d.Depth), Nodes: or(l.Nodes, d.Nodes), IntBytes: or(l.IntBytes, d.IntBytes),
		Memory: or(l.Memory, d.Memory), EqualKeys: or(l.EqualKeys, d.EqualKeys), KeyNodes: or(l.KeyNodes, d.KeyNodes),
	}
}

func or[T int | int64](value, otherwise T) T {
	if value > 0 {
		return value
	}
	return otherwise
}
