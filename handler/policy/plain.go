package policy

import (
	"unicode/utf8"

	"github.com/gopyrpc/gopyrpc/handler/pickle"
)

// makeBytes is empty bytes at protocol 2.
func makeBytes(_ *reading, n *pickle.Node, args []*pickle.Node) error {
	if len(args) != 0 {
		return errShape
	}
	n.Kind, n.Items = pickle.Bytes, nil
	return nil
}

// makeLatin1 is bytes at protocol 2. The encode of _codecs imports a module by the name of the encoding.
func makeLatin1(_ *reading, n *pickle.Node, args []*pickle.Node) error {
	if len(args) != 2 || !isStr(args[0]) || !isLatin1(args[1]) {
		return errShape
	}
	data, ok := latin1(args[0].Text)
	if !ok {
		return errShape
	}
	n.Kind, n.Items, n.Data = pickle.Bytes, nil, parts(data)
	return nil
}

func isLatin1(n *pickle.Node) bool {
	return n.Kind == pickle.Str && (n.Text == "latin1" || n.Text == "latin-1")
}

// makeByteArray is a bytearray below protocol 5: of bytes, or at protocol 2 of text.
func makeByteArray(r *reading, n *pickle.Node, args []*pickle.Node) error {
	switch {
	case len(args) == 0:
		n.Data = nil
	case len(args) == 2 && isStr(args[0]) && isLatin1(args[1]):
		data, ok := latin1(args[0].Text)
		if !ok {
			return errShape
		}
		n.Data = parts(data)
	case len(args) == 1 && (args[0].Kind == pickle.Bytes || args[0].Kind == pickle.Reduce):
		if err := r.visit(args[0]); err != nil {
			return err
		}
		if args[0].Kind != pickle.Bytes {
			return errShape
		}
		n.Data = args[0].Data
	default:
		return errShape
	}
	n.Kind, n.Items = pickle.ByteArray, nil
	return nil
}

// latin1 gives the characters of a text as a byte each.
func latin1(text string) ([]byte, bool) {
	out := make([]byte, 0, len(text))
	for i := 0; i < len(text); {
		c, size := utf8.DecodeRuneInString(text[i:])
		if c > 0xff || c == utf8.RuneError && size == 1 {
			return nil, false
		}
		out = append(out, byte(c))
		i += size
	}
	return out, true
}

func parts(data []byte) [][]byte {
	if len(data) == 0 {
		return nil
	}
	return [][]byte{data}
}

// makeSet is a set or frozenset below protocol 4.
func makeSet(kind pickle.Kind) func(*reading, *pickle.Node, []*pickle.Node) error {
	return func(r *reading, n *pickle.Node, args []*pickle.Node) error {
		if len(args) != 1 || args[0].Kind != pickle.List {
			return errShape
		}
		// Nobody has compared the elements of a list yet. Their hashes show on the tree as the payload has it.
		if err := r.arena.CheckKeys(&pickle.Node{Kind: pickle.Set, Offset: n.Offset, Items: args[0].Items}); err != nil {
			return err
		}
		if err := r.visit(args[0]); err != nil {
			return err
		}
		n.Kind, n.Items = kind, append([]*pickle.Node{}, args[0].Items...)
		return nil
	}
}

func makeSlice(r *reading, n *pickle.Node, args []*pickle.Node) error {
	if len(args) != 3 {
		return errShape
	}
	args = append([]*pickle.Node{}, args...)
	if err := r.values(args); err != nil {
		return err
	}
	r.becomeSame(n, args...)
	return nil
}

// makeType is the class of a singleton.
func makeType(r *reading, n *pickle.Node, args []*pickle.Node) error {
	if len(args) != 1 {
		return errShape
	}
	if !isNone(args[0]) && !isNamed(args[0], "builtins", "Ellipsis") && !isNamed(args[0], "builtins", "NotImplemented") {
		return errShape
	}
	singleton := args[0]
	if err := r.value(&singleton); err != nil {
		return err
	}
	r.become(n, "type", singleton)
	return nil
}

// makeFlags are flags of an enum together, as CPython 3.11 writes them.
func makeFlags(r *reading, n *pickle.Node, args []*pickle.Node) error {
	args, err := r.visited(args, isAny, isAny)
	if err != nil {
		return err
	}
	r.become(n, "flags", args...)
	return nil
}

func isAny(*pickle.Node) bool { return true }
