package pickle

// slab hands out nodes and lists of nodes from a few large allocations: a small pickle takes one of each.
type slab struct {
	nodes    []Node
	chunk    int // nodes of the next allocation
	left     int // nodes that the limit leaves
	pointers []*Node
	data     [][]byte

	none, yes, no, empty *Node // made when first used
}

const maxChunk = 1024

// init sizes the first allocations for a pickle of so many bytes.
func (r *reader) init(size int) {
	r.chunk = min(4+size/6, 64)
	r.nodes = r.nodes[:min(len(r.nodes), r.limits.Nodes)]
	r.left = r.limits.Nodes - len(r.nodes)
}

// node makes a node of the current opcode. It returns nil, with r.err set, where the limit is reached.
func (r *reader) node(kind Kind) *Node {
	if len(r.nodes) == 0 {
		size := min(r.chunk, r.left)
		if size == 0 {
			r.tooMany()
			return nil
		}
		r.nodes = make([]Node, size)
		r.left -= size
		r.chunk = min(2*r.chunk, maxChunk)
	}
	n := &r.nodes[0]
	r.nodes = r.nodes[1:]
	n.Kind, n.Offset, n.depth, n.weight = kind, r.at, 1, 1
	return n
}

// list makes a list of n nodes, for which append allocates a new one.
func (r *reader) list(n int) []*Node {
	if n > len(r.pointers) {
		if n >= maxChunk {
			return make([]*Node, n)
		}
		r.pointers = make([]*Node, max(n, r.chunk))
	}
	found := r.pointers[:n:n]
	r.pointers = r.pointers[n:]
	return found
}

// part makes a list of one part.
func (r *reader) part(b []byte) [][]byte {
	if len(r.data) == 0 {
		r.data = make([][]byte, min(r.chunk, 32))
	}
	found := r.data[:1:1]
	r.data = r.data[1:]
	found[0] = b
	return found
}
