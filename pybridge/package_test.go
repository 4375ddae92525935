package pybridge_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/internal/pythontest"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

var carried = fstest.MapFS{
	"__init__.py":      {Data: []byte("from . import sub\nfrom .deep.down import value\nname = __name__\n")},
	"sub.py":           {Data: []byte("def fail():\n    raise KeyError('grün')  # here\n")},
	"deep/__init__.py": {Data: []byte("")},
	"deep/down.py":     {Data: []byte("from ..sub import fail\nvalue = __package__\n")},
	"broken.py":        {Data: []byte("x = = 1\n")},
	"README.md":        {Data: []byte("not Python")},
}

func TestInstalledPackage(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "carried_package")
	require.NoError(t, os.Mkdir(dir, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "__init__.py"), []byte("name = 'from the disk'\n"), 0o600))
	rt := pythontest.Runtime()
	pythontest.With(t, func(tok gil.Token) {
		path := pythontest.Eval(t, tok, "__import__('sys').path")
		call(t, tok, pythontest.Eval(t, tok, "lambda path, dir: path.insert(0, dir)"), path, filepath.Dir(dir))
		defer call(t, tok, pythontest.Eval(t, tok, "lambda path, dir: path.remove(dir)"), path, filepath.Dir(dir))

		require.NoError(t, rt.InstallPackage(tok, "carried_package", carried))
		module, err := rt.Import(tok, "carried_package")
		require.NoError(t, err, "%+v", err)
		defer module.Release()
		for attribute, want := range map[string]string{"name": "carried_package", "value": "carried_package.deep", "__file__": "<carried_package>/__init__.py"} {
			o, err := module.Attr(tok, attribute)
			if attribute == "__file__" && err != nil {
				continue // sources without a file have none
			}
			require.NoError(t, err)
			assert.Equal(t, want, as[string](t, tok, o))
			o.Release()
		}

		down, err := rt.Import(tok, "carried_package.deep.down")
		require.NoError(t, err)
		defer down.Release()
		_, err = down.CallMethod(tok, "fail")
		assert.Contains(t, fmt.Sprintf("%+v", err), "File \"<carried_package>/sub.py\", line 2, in fail\n    raise KeyError('grün')  # here\n")

		_, err = rt.Import(tok, "carried_package.broken")
		assert.ErrorIs(t, err, pybridge.SyntaxError)
		assert.ErrorContains(t, err, "<carried_package>/broken.py")
		_, err = rt.Import(tok, "carried_package.README")
		assert.ErrorIs(t, err, pybridge.ModuleNotFoundError)
	})
}

func TestRunMain(t *testing.T) {
	rt := pythontest.Runtime()
	pythontest.With(t, func(tok gil.Token) {
		require.NoError(t, rt.RunMain(tok, "import sys\nassert __name__ == '__main__' and __file__ == 'prog.py'\nassert sys.modules['__main__'].__dict__ is globals()\n", "prog.py"))
		assert.ErrorIs(t, rt.RunMain(tok, "raise SystemExit(3)", "prog.py"), pybridge.SystemExit)
		assert.ErrorIs(t, rt.RunMain(tok, "x = = 1", "prog.py"), pybridge.SyntaxError)
		assert.ErrorIs(t, rt.RunMain(tok, "a\x00b", "prog.py"), pybridge.Exception)
		assert.ErrorIs(t, rt.RunMain(tok, "\xff", "prog.py"), pybridge.UnicodeDecodeError)
		err := rt.RunMain(tok, "class Own(Exception): pass\nraise Own('text')", "prog.py")
		assert.ErrorIs(t, err, pybridge.Class("__main__.Own"))
		assert.EqualError(t, err, "Own: text")
	})
}
