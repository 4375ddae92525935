package policy

import "github.com/pyrpc/pyrpc/handler/pickle"

// objectKeys bounds the keys of one dict whose class says what their hash is. CPython compares those of one hash with
// code of the class, which can be interrupted, unlike what C compares.
const objectKeys = 1000

// budget is what a payload and the pickles nested in it may take together.
type budget struct {
	limits pickle.Limits
}

// newBudget is for a body. Its own bytes are there already, and what they become is not what the limit is for.
func newBudget(limits pickle.Limits, body [][]byte) *budget {
	if limits.Hash == nil {
		limits.Hash = hashOf
	}
	if limits.ObjectKeys == 0 {
		limits.ObjectKeys = objectKeys
	}
	if limits.Memory == 0 {
		limits.Memory = pickle.DefaultLimits.Memory
		for _, part := range body {
			limits.Memory += 2 * int64(len(part))
		}
	}
	return &budget{limits}
}

func (b *budget) read(data [][]byte) (*pickle.Node, error) { return pickle.Read(data, b.limits) }

func (b *budget) checkKeys(n *pickle.Node) error { return b.limits.CheckKeys(n) }
