package pickle_test

import (
	"bytes"
	"fmt"
	"math"

	"github.com/gopyrpc/gopyrpc/handler/pickle"
)

// isomorphism finds out whether two trees are the same: values, shape, sharing and cycles.
type isomorphism struct {
	there, back map[*pickle.Node]*pickle.Node
}

// differs returns what differs first, or "".
func differs(a, b *pickle.Node) string {
	i := isomorphism{there: map[*pickle.Node]*pickle.Node{}, back: map[*pickle.Node]*pickle.Node{}}
	return i.nodes(a, b)
}

func (i *isomorphism) nodes(a, b *pickle.Node) string {
	if a.Kind != b.Kind {
		return fmt.Sprintf("kinds %d and %d at %d and %d", a.Kind, b.Kind, a.Offset, b.Offset)
	}
	if hasIdentity(a) || hasIdentity(b) {
		if i.there[a] != nil || i.back[b] != nil {
			if i.there[a] != b || i.back[b] != a {
				return fmt.Sprintf("sharing at %d and %d", a.Offset, b.Offset)
			}
			return ""
		}
		i.there[a], i.back[b] = b, a
	}
	if a.Int != b.Int || math.Float64bits(a.Float) != math.Float64bits(b.Float) || a.Text != b.Text || a.Module != b.Module ||
		(a.Big == nil) != (b.Big == nil) || a.Big != nil && a.Big.Cmp(b.Big) != 0 || !bytes.Equal(joined(a), joined(b)) {
		return fmt.Sprintf("values at %d and %d", a.Offset, b.Offset)
	}
	if len(a.Items) != len(b.Items) || len(a.Changes) != len(b.Changes) {
		return fmt.Sprintf("sizes at %d and %d", a.Offset, b.Offset)
	}
	if d := i.all(a.Items, b.Items); d != "" {
		return d
	}
	for at := range a.Changes {
		if len(a.Changes[at].Items) != len(b.Changes[at].Items) {
			return fmt.Sprintf("changes at %d and %d", a.Offset, b.Offset)
		}
		if d := i.all(a.Changes[at].Items, b.Changes[at].Items); d != "" {
			return d
		}
	}
	return ""
}

func (i *isomorphism) all(a, b []*pickle.Node) string {
	for at := range a {
		if d := i.nodes(a[at], b[at]); d != "" {
			return d
		}
	}
	return ""
}

// hasIdentity says whether CPython's pickler would memoize it.
func hasIdentity(n *pickle.Node) bool {
	switch n.Kind {
	case pickle.None, pickle.Bool, pickle.Int, pickle.Float:
		return false
	case pickle.Tuple:
		return len(n.Items) > 0
	}
	return true
}

func joined(n *pickle.Node) []byte { return bytes.Join(n.Data, nil) }

// inline makes one pickle of an output, with its buffers in their places, as a sender without buffers would write it.
func inline(out pickle.Output) []byte {
	data := []byte("\x80\x05")
	buffers := out.Buffers
	for _, in := range instructions(out.Pickle) {
		switch in.op {
		case 0x80, 0x95: // the frame would be longer
		case 0x97:
			op := byte('\x8e')
			if buffers[0].Mutable {
				op = '\x96'
			}
			body := bytes.Join(buffers[0].Data, nil)
			buffers = buffers[1:]
			data = append(data, op, byte(len(body)), byte(len(body)>>8), byte(len(body)>>16), byte(len(body)>>24), 0, 0, 0, 0)
			data = append(data, body...)
		default:
			data = append(append(data, in.op), in.argument...)
		}
	}
	return data
}
