// Package pickle reads a pickle strictly into a tree, and writes the canonical pickle of a tree. It is the only
// reader of what a restricted peer sends: CPython's unpickler sees nothing but what [Write] made.
package pickle

import (
	"fmt"
	"math/big"
)

// Kind is what a [Node] stands for.
type Kind uint8

// The kinds of nodes, and the fields of Node that each uses.
const (
	None      Kind = iota
	Bool           // Int is 0 or 1
	Int            // Big where it is not nil, else Int
	Float          // Float, bits as they came
	Str            // Text: UTF-8, lone surrogates as CPython's surrogatepass encodes them
	Bytes          // Data
	ByteArray      // Data
	List           // Items
	Tuple          // Items
	Dict           // Items: key, value, key, value… in order
	Set            // Items
	FrozenSet      // Items
	Global         // Module and Text, the qualified name
	Reduce         // Items: the callable and its arguments, a Tuple; Changes
	Instance       // of NEWOBJ and NEWOBJ_EX. Items: the class, a Tuple of arguments and, of NEWOBJ_EX, a Dict; Changes
	Given          // for Write only: an object that the loading side passes, see [Buffer]. Text says which
)

// Node is a value of a pickle. A node that the pickle refers to several times is one *Node in several places, so
// sharing and cycles are the graph's own.
type Node struct {
	Kind    Kind
	Offset  int // of the instruction that made it, in bytes from the pickle's start
	Int     int64
	Float   float64
	Big     *big.Int
	Module  string
	Text    string
	Data    [][]byte // parts that joined are the bytes: those of [LargeData] and more lie where the input has them
	Items   []*Node
	Changes []Change // in order
	Mark    uint8    // free for code that walks the tree; 0 after Read, and Write ignores it

	// Read's own, of every node that it makes.
	memoized bool   // the pickle has memoized it
	short    bool   // the last addition to it was of fewer than a pickler adds at once
	given    bool   // a call or a state has had it once
	keyed    bool   // its keys will be looked at when all is read
	hashing  bool   // its hash is being computed
	hashed   bool   // hash and opaque are known
	opaque   bool   // what the hash is in CPython is for the object itself to say
	depth    int32  // levels of the tree that begin here
	weight   int32  // nodes of the tree that begins here, shared ones each time
	hash     uint64 // see hashOf
}

// ChangeKind is how a pickle goes on with an object that a call or a class has made.
type ChangeKind uint8

// The kinds of changes, and what their Items are.
const (
	Append  ChangeKind = iota // APPEND, APPENDS: the elements
	SetItem                   // SETITEM, SETITEMS: key, value, key, value…
	AddItem                   // ADDITEMS: the elements
	Build                     // BUILD: one node, the state
	Call                      // for Write only, which writes no other: a callable, and the arguments that follow the object. What it returns is dropped
	Setter                    // REDUCE and POP, by Read only: the function that sets the state, the sixth element of what __reduce__ returns, and the state
)

// Change is a step after the making of a Reduce or an Instance. Those of List, Dict, Set are in their Items. [Write]
// knows the object by then, so that the arguments of a Call can refer to it.
type Change struct {
	Kind   ChangeKind
	Offset int
	Items  []*Node
}

// LargeData is the size, in bytes, from which bytes are not copied into the tree or the pickle: [Output] has them beside it.
const LargeData = 64 << 10

// Error says which rule a pickle breaks, and where.
type Error struct {
	Offset int    // in bytes from the pickle's start
	Opcode string // CPython's name of it, as in pickletools; "" where there is none
	Rule   string // what must be so
}

func (e *Error) Error() string {
	if e.Opcode == "" {
		return fmt.Sprintf("pickle: at byte %d: %s", e.Offset, e.Rule)
	}
	return fmt.Sprintf("pickle: at byte %d, %s: %s", e.Offset, e.Opcode, e.Rule)
}

// Output is a canonical pickle. Its i-th NEXT_BUFFER stands for Buffers[i]. CPython takes any object there.
type Output struct {
	Pickle  []byte
	Buffers []Buffer
}

// Buffer is an object of bytes that is made beside the pickle, with one copy of Data, or where Given is not nil what
// that stands for.
type Buffer struct {
	Given   *Node
	Mutable bool     // a bytearray, else bytes
	Data    [][]byte // parts, where the input has them
}
