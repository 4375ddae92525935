package pybridge_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/internal/pythontest"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

func TestErrorsIsFollowsClasses(t *testing.T) {
	const own = "class Own(KeyError): pass\nclass Outer:\n    class Inner(Own, OSError): pass\n"
	for _, c := range []struct {
		source  string
		is, not []pybridge.Class
	}{
		{"{}['k']", []pybridge.Class{"KeyError", "LookupError", "Exception", "BaseException"}, []pybridge.Class{"IndexError", "ValueError", "builtins.KeyError", ""}},
		{"[][0]", []pybridge.Class{"IndexError", "LookupError"}, []pybridge.Class{"KeyError"}},
		{"1/0", []pybridge.Class{"ZeroDivisionError", "ArithmeticError"}, []pybridge.Class{"LookupError"}},
		{"import nowhere", []pybridge.Class{"ModuleNotFoundError", "ImportError"}, []pybridge.Class{"OSError"}},
		{"open('/nowhere/at/all')", []pybridge.Class{"FileNotFoundError", "OSError"}, []pybridge.Class{"PermissionError"}},
		{"raise IOError", []pybridge.Class{"OSError"}, []pybridge.Class{"IOError"}},
		{own + "raise Own(1)", []pybridge.Class{"program.Own", "KeyError", "LookupError"}, []pybridge.Class{"Own", "OSError"}},
		{own + "raise Outer.Inner(1)", []pybridge.Class{"program.Outer.Inner", "program.Own", "KeyError", "OSError"}, []pybridge.Class{"program.Inner"}},
		{"raise KeyboardInterrupt", []pybridge.Class{"KeyboardInterrupt", "BaseException"}, []pybridge.Class{"Exception"}},
		{"raise SystemExit(3)", []pybridge.Class{"SystemExit", "BaseException"}, []pybridge.Class{"Exception"}},
		{"import sys; sys.exit('bye')", []pybridge.Class{"SystemExit"}, nil},
		{"x = ", []pybridge.Class{"SyntaxError", "Exception"}, nil},
		{"b'\\xff'.decode()", []pybridge.Class{"UnicodeDecodeError", "UnicodeError", "ValueError"}, nil},
		{"def f(): f()\nf()", []pybridge.Class{"RecursionError", "RuntimeError"}, nil},
	} {
		t.Run(c.source, func(t *testing.T) {
			pythontest.With(t, func(tok gil.Token) {
				err := fmt.Errorf("wrapped: %w", raised(t, tok, c.source))
				for _, class := range c.is {
					assert.ErrorIs(t, err, class)
				}
				for _, class := range c.not {
					assert.NotErrorIs(t, err, class)
				}
			})
		})
	}
}

func TestErrorFields(t *testing.T) {
	const source = `
class Own(ValueError):
    pass

def inner():
    raise Own("first", 2)

def outer():
    inner()

outer()
`
	pythontest.With(t, func(tok gil.Token) {
		e := raised(t, tok, source)
		assert.Equal(t, "program", e.Module)
		assert.Equal(t, "Own", e.Type)
		assert.Equal(t, []string{"program.Own", "ValueError", "Exception", "BaseException", "object"}, e.MRO)
		assert.Equal(t, "('first', 2)", e.Message)
		assert.Equal(t, "program.Own: ('first', 2)", e.Error())
		assert.Nil(t, e.Members)
		assert.Nil(t, e.Cause)
		assert.Nil(t, e.Context)
		assert.False(t, e.SuppressContext)

		require.Len(t, e.Traceback, 4)
		last := e.Traceback[3]
		assert.Equal(t, "inner", last.Function)
		assert.Equal(t, 6, last.Line)
		assert.Equal(t, `raise Own("first", 2)`, last.Text)
		assert.Contains(t, last.File, "program.py")
		assert.Equal(t, []string{"run", "<module>", "outer", "inner"},
			[]string{e.Traceback[0].Function, e.Traceback[1].Function, e.Traceback[2].Function, last.Function})
	})
}

func TestErrorAsAndFormats(t *testing.T) {
	pythontest.With(t, func(tok gil.Token) {
		err := fmt.Errorf("doing it: %w", raised(t, tok, "raise KeyError"))
		var e *pybridge.Error
		require.True(t, errors.As(err, &e))
		assert.Equal(t, "doing it: KeyError", err.Error())
		assert.Equal(t, "KeyError", fmt.Sprintf("%v", e))
		assert.Equal(t, "KeyError", fmt.Sprintf("%s", e))
		assert.Equal(t, `"KeyError"`, fmt.Sprintf("%q", e))
		assert.Contains(t, fmt.Sprintf("%+v", e), "Traceback (most recent call last):\n")
	})
}

func TestCauseContextAndSuppression(t *testing.T) {
	pythontest.With(t, func(tok gil.Token) {
		e := raised(t, tok, "try:\n    {}['k']\nexcept KeyError as cause:\n    raise ValueError('v') from cause")
		require.NotNil(t, e.Cause)
		assert.Equal(t, "KeyError", e.Cause.Type)
		assert.True(t, e.SuppressContext)
		assert.ErrorIs(t, e, pybridge.KeyError, "the cause is part of the error")

		e = raised(t, tok, "try:\n    {}['k']\nexcept KeyError:\n    raise ValueError('v')")
		assert.Nil(t, e.Cause)
		require.NotNil(t, e.Context)
		assert.Equal(t, "KeyError", e.Context.Type)
		assert.False(t, e.SuppressContext)
		assert.NotErrorIs(t, e, pybridge.KeyError, "a context is a circumstance, not a cause")

		e = raised(t, tok, "try:\n    {}['k']\nexcept KeyError:\n    raise ValueError('v') from None")
		assert.Nil(t, e.Cause)
		assert.True(t, e.SuppressContext)
		assert.NotNil(t, e.Context)
	})
}

func TestNotes(t *testing.T) {
	needs(t, 11, "notes")
	pythontest.With(t, func(tok gil.Token) {
		e := raised(t, tok, "e = ValueError('v')\ne.add_note('one')\ne.add_note('two\\nlines')\nraise e")
		assert.Equal(t, []string{"one", "two\nlines"}, e.Notes)
		e = raised(t, tok, "e = ValueError('v')\ne.__notes__ = [1, None]\nraise e")
		assert.Equal(t, []string{"1", "None"}, e.Notes)
		e = raised(t, tok, "e = ValueError('v')\ne.__notes__ = 7\nraise e")
		assert.Empty(t, e.Notes)
	})
}

func TestExceptionGroup(t *testing.T) {
	needs(t, 11, "exception groups")
	pythontest.With(t, func(tok gil.Token) {
		e := raised(t, tok, "raise ExceptionGroup('g', [KeyError('k'), ExceptionGroup('h', [OSError()])])")
		assert.ErrorIs(t, e, pybridge.ExceptionGroup)
		assert.ErrorIs(t, e, pybridge.KeyError)
		assert.ErrorIs(t, e, pybridge.OSError)
		assert.NotErrorIs(t, e, pybridge.IndexError)
		require.Len(t, e.Members, 2)
		assert.Equal(t, "KeyError", e.Members[0].Type)
		require.Len(t, e.Members[1].Members, 1)

		e = raised(t, tok, "k = KeyError('k')\nraise ExceptionGroup('twice the same', [k, k])")
		assert.Len(t, e.Members, 2)
		e = raised(t, tok, "raise ExceptionGroup('many', [KeyError(i) for i in range(300)])")
		assert.Len(t, e.Members, 300)
	})
}
