package pythontest

import (
	"slices"

	"github.com/gopyrpc/gopyrpc/internal/gate"
)

// IsInside says whether a call whose context has the label (gil.WithLabel) holds a permit: it is in
// Python, or waits for the GIL. How many are inside says nothing: the janitor comes when it likes.
func IsInside(label string) bool { return slices.Contains(gate.Process.Inside(), label) }
