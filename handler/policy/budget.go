package policy

import "github.com/gopyrpc/gopyrpc/handler/pickle"

// objectKeys bounds the keys of one dict whose class says what their hash is. CPython compares those of one hash with
// code of the class, which can be interrupted, unlike what C compares.
const objectKeys = 1000

// limitsOf are the limits for a body. Its own bytes are there already, and what they become is not what the limit of
// memory is for.
func limitsOf(limits pickle.Limits, body [][]byte) pickle.Limits {
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
	return limits
}
