package pythontest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/gil"
)

// importable looks for a module without importing it, which has to happen where the test wants it. A package may
// lie where several Pythons look, as Debian's do, and its extension modules be those of one of them only.
const importable = `
import importlib.machinery, importlib.util, os

def importable(name):
    spec = importlib.util.find_spec(name)
    if spec is None:
        return False
    files = [f for folder in spec.submodule_search_locations or () for f in os.listdir(folder)]
    tagged = [f for f in files if ".cpython-" in f and f.endswith(".so")]
    return not tagged or any(f.endswith(importlib.machinery.EXTENSION_SUFFIXES[0]) for f in tagged)
`

// HasModule says whether the interpreter could import a module. It imports nothing; the GIL must not be held.
func HasModule(t testing.TB, name string) (has bool) {
	t.Helper()
	With(t, func(tok gil.Token) {
		found, err := Define(t, tok, importable, "importable").Call(tok, name)
		require.NoError(t, err)
		defer found.Release()
		has, err = found.Truth(tok)
		require.NoError(t, err)
	})
	return has
}

// NeedsModule skips the test where the interpreter could not import a module. It imports nothing.
func NeedsModule(t testing.TB, name string) {
	t.Helper()
	if !HasModule(t, name) {
		t.Skipf("%s is not installed for Python %s", name, Runtime().Version())
	}
}
