package pickle

// Limits bound what [Read] takes. The zero value of each means the one of [DefaultLimits].
type Limits struct {
	Depth      int   // of nesting, in levels
	Nodes      int   // how many nodes
	IntBytes   int   // of one integer, in bytes
	Memory     int64 // what the objects take in CPython, estimated, in bytes
	EqualKeys  int   // keys of one hash in one dict, or elements of one set
	ObjectKeys int   // keys of one dict, or elements of one set, whose hash is for the object to say
	KeyNodes   int   // nodes that the hash of one key visits, shared ones each time
	HashNodes  int   // nodes that the hashes of all keys visit, and those that keys of one hash are compared by

	// Hash tells of a Reduce or an Instance that is a key, or in one, what its hash depends on, or false where that is
	// not known: then ObjectKeys bounds how many there are. Objects that are equal need the same hash. The
	// answer is [HashOf] of something, or two or more of these combined. nil knows of none.
	Hash func(*Node) (hash uint64, ok bool)
}

// DefaultLimits are for a peer that is not trusted.
//
// A level of depth costs CPython a few hundred bytes of stack when it hashes, prints, pickles or frees, and 500 levels
// are below the limit of its own recursion. An integer of up to 1,785 bytes has fewer digits than the 4,300 that
// CPython prints. A node takes about 200 bytes here for as long as a call is read, and two million hashes of an
// int take CPython 50 milliseconds.
var DefaultLimits = Limits{
	Depth:      500,
	Nodes:      1 << 20,
	IntBytes:   1785,
	Memory:     256 << 20,
	EqualKeys:  32,
	ObjectKeys: 100,
	KeyNodes:   1000,
	HashNodes:  1 << 22,
}

func (l Limits) withDefaults() Limits {
	d := &DefaultLimits
	l.Depth, l.Nodes, l.IntBytes = or(l.Depth, d.Depth), or(l.Nodes, d.Nodes), or(l.IntBytes, d.IntBytes)
	l.Memory, l.EqualKeys, l.ObjectKeys = or(l.Memory, d.Memory), or(l.EqualKeys, d.EqualKeys), or(l.ObjectKeys, d.ObjectKeys)
	l.KeyNodes, l.HashNodes = or(l.KeyNodes, d.KeyNodes), or(l.HashNodes, d.HashNodes)
	return l
}

func or[T int | int64](value, otherwise T) T {
	if value > 0 {
		return value
	}
	return otherwise
}
