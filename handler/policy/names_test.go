package policy_test

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/handler/policy"
	"github.com/gopyrpc/gopyrpc/internal/pyname"
)

// TestNamesOfThePackage: what there are rules for is in the Python package, under the same names. A rule for a name that
// nothing has any more would let nothing in, and nothing would say why.
func TestNamesOfThePackage(t *testing.T) {
	for _, c := range []struct {
		file, pattern string
		names         []string
	}{
		{"internal.py", `[" ]%s[",]`, append(policy.OwnNames(pyname.Internal), "_call_method", "_type_of_value", "_check_value")},
		{"_restricted/standins.py", `"%s":`, policy.StandIns()},
	} {
		source, err := os.ReadFile(filepath.Join("..", "..", "python", pyname.Package, c.file))
		require.NoError(t, err)
		assert.NotEmpty(t, c.names)
		for _, n := range c.names {
			assert.Regexp(t, regexp.MustCompile(regexp.MustCompile(`%s`).ReplaceAllString(c.pattern, n)), string(source), "%s of %s", n, c.file)
		}
	}
}
