package pythontest_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/internal/pythontest"
)

// evaluate gives the text of an expression, after a statement.
func evaluate(t *testing.T, statement, expression string) (text string) {
	t.Helper()
	pythontest.With(t, func(tok gil.Token) {
		var err error
		text, err = pythontest.Define(t, tok, statement+"\nvalue = "+expression, "value").Str(tok)
		require.NoError(t, err)
	})
	return text
}

// TestHasModule makes packages as Debian does, which installs one where all of its Pythons look.
func TestHasModule(t *testing.T) {
	const another = "_C.cpython-308-x86_64-linux-gnu.so"
	ours := "_C" + evaluate(t, "import importlib.machinery", "importlib.machinery.EXTENSION_SUFFIXES[0]")
	dir := t.TempDir()
	packages := map[string]struct {
		files []string
		has   bool
	}{
		"gopyrpc_plain":     {nil, true},
		"gopyrpc_for_both":  {[]string{ours, another}, true},
		"gopyrpc_another":   {[]string{another}, false},
		"gopyrpc_of_no_tag": {[]string{"_C.so"}, true},
	}
	for name, p := range packages {
		require.NoError(t, os.Mkdir(filepath.Join(dir, name), 0o755))
		for _, file := range append(p.files, "__init__.py") {
			require.NoError(t, os.WriteFile(filepath.Join(dir, name, file), nil, 0o600))
		}
	}
	evaluate(t, "import sys", fmt.Sprintf("sys.path.insert(0, %q)", dir))
	t.Cleanup(func() { evaluate(t, "import sys", fmt.Sprintf("sys.path.remove(%q)", dir)) })
	for name, p := range packages {
		assert.Equal(t, p.has, pythontest.HasModule(t, name), name)
	}
	assert.False(t, pythontest.HasModule(t, "gopyrpc_nowhere"))
}
