package policy

import "github.com/gopyrpc/gopyrpc/handler/pickle"

// What is in several places of a record is written once in its pickle, and shown in each: of a text of 1 MB, or a pickle
// of bytes, a peer could have thousands with a few bytes for each.
const (
	maxFrames = 100      // of an exception, as in _exceptions/capture.py
	maxShared = 64 << 20 // bytes of text that repeats others, in all records of a payload
	textCost  = 16       // bytes that the least text counts for
)

// records is what the records of a payload have in common, those in their nested pickles too.
type records struct {
	texts  map[*pickle.Node]bool
	shared int
}

type nestedKey struct {
	of   *pickle.Node
	kind pickle.Kind
}

// countTexts counts the texts of an exception's fields that were counted before, and says whether there is room for them.
func (r *reading) countTexts(fields *pickle.Node) bool {
	if r.records == nil {
		r.records = &records{texts: map[*pickle.Node]bool{}}
	}
	for i := 1; i < len(fields.Items); i += 2 {
		r.records.count(fields.Items[i])
	}
	return r.records.shared <= maxShared
}

func (c *records) count(n *pickle.Node) {
	switch {
	case c.shared > maxShared:
	case n.Kind == pickle.List || n.Kind == pickle.Tuple:
		for _, item := range n.Items {
			c.count(item)
		}
	case n.Kind != pickle.Str:
	case c.texts[n]:
		c.shared += len(n.Text) + textCost
	default:
		c.texts[n] = true
	}
}

// hasFewFrames says whether an exception has no more frames than CPython's side takes.
func hasFewFrames(fields *pickle.Node) bool {
	frames := field(fields, "frames")
	return frames == nil || len(frames.Items) <= maxFrames
}
