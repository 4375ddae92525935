package pyworker_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/agent/pyworker"
	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/internal/interrupt"
	"github.com/gopyrpc/gopyrpc/internal/pyname"
	"github.com/gopyrpc/gopyrpc/internal/pythontest"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

const codesSource = `
import gopyrpc

def codes_of(code):
    yield code.co_filename + " " + code.co_name
    for inner in code.co_consts:
        if type(inner) is type(code):
            yield from codes_of(inner)

finder = gopyrpc.__spec__.loader
codes = {c for module in finder.sources if module.startswith("gopyrpc.") for c in codes_of(finder.get_code(module))}
`

// TestNamesThatGoMatches: what Go knows by name is in the package under that name. Nothing else would say so if it were
// renamed or moved: a function would be interrupted in the middle, a Future be taken for a value.
func TestNamesThatGoMatches(t *testing.T) {
	group(t, 1) // so that the package is there
	pythontest.With(t, func(tok gil.Token) {
		o := pythontest.Define(t, tok, codesSource+"value = sorted(codes)", "value")
		defer o.Release()
		codes, err := pybridge.As[[]string](tok, o)
		require.NoError(t, err)
		held := 0
		interrupt.Masked(func(file, function string) {
			if strings.HasPrefix(file, pyname.Frames) {
				held++
				assert.Contains(t, codes, file+" "+function)
			}
		})
		assert.Positive(t, held)

		future := pythontest.Define(t, tok, "import gopyrpc\nvalue = gopyrpc.Future()", "value")
		defer future.Release()
		kind, err := future.TypeName(tok)
		require.NoError(t, err)
		assert.Equal(t, pyworker.FutureType, kind)
	})
}
