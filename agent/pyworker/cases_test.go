package pyworker_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/agent/pyworker"
	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/internal/pythontest"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// TestCases runs every function of testdata/cases.py, futures.py, gathering.py and numbered.py whose name begins with test_, inside w0 of a
// group of four.
func TestCases(t *testing.T) {
	workers := group(t, 4, func(_ int, c *pyworker.Config) { c.Limits.MaxMessage = 64 << 20 })
	for _, module := range []string{"cases", "futures", "gathering", "numbered"} {
		for _, name := range casesOf(t, module) {
			t.Run(name, func(t *testing.T) {
				err := inside(t, workers[0], module, name)
				assert.NoError(t, err, "%+v", err)
			})
		}
	}
}

// TestTensors does so with testdata/tensors.py and torchfutures.py, in a group of two, where there is torch.
func TestTensors(t *testing.T) {
	if err := pythontest.Runtime().Preload(t.Context(), "torch"); err != nil {
		t.Skip("no torch: ", err)
	}
	workers := group(t, 2)
	for _, module := range []string{"tensors", "torchfutures"} {
		for _, name := range casesOf(t, module) {
			t.Run(name, func(t *testing.T) {
				err := inside(t, workers[0], module, name)
				assert.NoError(t, err, "%+v", err)
			})
		}
	}
}

func casesOf(t *testing.T, module string) (names []string) {
	pythontest.With(t, func(tok gil.Token) {
		list := pythontest.Define(t, tok, "import "+module+"\nvalue = sorted(n for n in vars("+module+") if n.startswith('test_'))", "value")
		defer list.Release()
		var err error
		names, err = pybridge.As[[]string](tok, list)
		require.NoError(t, err)
	})
	require.NotEmpty(t, names)
	return names
}
