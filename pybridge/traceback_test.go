package pybridge_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/internal/pythontest"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

var (
	lineOfOurs = regexp.MustCompile(`(<gopyrpc>/tools.py", line) \d+,`)
	markers    = regexp.MustCompile(`(?m)^[ |]*[~^]+[~^ ]*\n`)
)

// %+v is what Python prints, but for the lines of ~~~^^^ below the source.
func TestTracebackEqualsPythons(t *testing.T) {
	const group = "def group(name, *members):\n    try: raise ExceptionGroup(name, members)\n    except ExceptionGroup as e: return e\n"
	for _, c := range []struct {
		name, source string
		since        int
	}{
		{"plain", "def f(x):\n    return 1 / x\nf(0)", 9},
		{"no message", "raise ValueError", 9},
		{"empty message", "raise ValueError('')", 9},
		{"own class", "class Own(Exception): pass\nraise Own('text')", 9},
		{"main class", "Own = type('Own', (Exception,), {'__module__': '__main__'})\nraise Own('text')", 9},
		{"multi-line message", "raise ValueError('one\\n  two\\n\\nthree')", 9},
		{"non-ASCII", "raise ValueError('grün 🐍')", 9},
		{"cause", "try:\n    {}['k']\nexcept KeyError as e:\n    raise ValueError('v') from e", 9},
		{"context", "try:\n    {}['k']\nexcept KeyError as e:\n    raise ValueError('v')", 9},
		{"suppressed", "try:\n    {}['k']\nexcept KeyError as e:\n    raise ValueError('v') from None", 9},
		{"cause without traceback", "raise ValueError('v') from KeyError('k')", 9},
		{"three in a chain", "try:\n    try: 1/0\n    except ZeroDivisionError: {}['k']\nexcept KeyError as e:\n    raise ValueError('v') from e", 9},
		{"cycle", "a, b = ValueError('a'), ValueError('b')\na.__cause__, b.__cause__ = b, a\nraise a", 9},
		{"recursion", "def f(n):\n    if n: f(n - 1)\n    else: 1/0\nf(100)", 9},
		{"repeated once", "def f(n):\n    if n:\n        f(n - 1)\n    else:\n        1/0\nf(4)", 9},
		{"three in a row", "def f(n):\n    if n:\n        f(n - 1)\n    else:\n        1/0\nf(3)", 9},
		{"mutual recursion", "def f(n):\n    if n: g(n)\n    else: 1/0\ndef g(n): f(n - 1)\nf(20)", 9},
		{"syntax error", "compile('x = = 1', 'file.py', 'exec')", 9},
		{"syntax error of several lines", "compile('def f():\\n    return (1,\\n  2]\\n', 'file.py', 'exec')", 9},
		{"indentation error", "compile('def f():\\nreturn', 'file.py', 'exec')", 9},
		{"raised syntax error", "raise SyntaxError('by hand')", 9},
		{"syntax error and note", "try: compile('x = = 1', 'file.py', 'exec')\nexcept SyntaxError as e:\n    e.add_note('a note')\n    raise", 11},
		{"notes", "e = ValueError('v')\ne.add_note('one')\ne.add_note('two\\nlines\\n')\ne.add_note('')\nraise e", 11},
		{"group", "raise ExceptionGroup('g', [KeyError('k'), ValueError('v')])", 11},
		{"group of one", "raise ExceptionGroup('g', [KeyError('k')])", 11},
		{"group with tracebacks", group + "raise group('g', group('h', KeyError('k')), ValueError('v'))", 11},
		{"group last in a group", group + "raise group('g', ValueError('v'), group('h', KeyError('k'), group('i', OSError('o'))))", 11},
		{"groups without traceback", "raise ExceptionGroup('g', [ExceptionGroup('h', [KeyError('k')]), ExceptionGroup('i', [ValueError('v')])])", 11},
		{"group with notes", "e = ExceptionGroup('g', [KeyError('k')])\ne.add_note('outer')\ne.exceptions[0].add_note('in\\nner')\nraise e", 11},
		{"group with cause", "raise ExceptionGroup('g', [KeyError('k')]) from ValueError('v')", 11},
		{"group as cause", group + "raise ValueError('v') from group('g', KeyError('k'))", 11},
		{"cause in a group", "k = KeyError('k')\nk.__cause__ = ValueError('v')\nraise ExceptionGroup('g', [k, OSError('o')])", 11},
		{"group as cause in a group", group + "k = KeyError('k')\nk.__cause__ = group('h', ValueError('v'))\nraise group('g', OSError('o'), k)", 11},
		{"context of a group", group + "try: 1/0\nexcept ZeroDivisionError: raise group('g', KeyError('k'))", 11},
		{"multi-line in a group", "raise ExceptionGroup('g', [KeyError('k'), ValueError('a\\n\\nb')])", 11},
		{"syntax error in a group", "try: compile('x = = 1', 'file.py', 'exec')\nexcept SyntaxError as e: raise ExceptionGroup('g', [e])", 11},
		{"same member twice", "k = KeyError('k')\nraise ExceptionGroup('g', [k, k])", 11},
		{"wide group", "raise ExceptionGroup('g', [KeyError(i) for i in range(15)])", 11},
		{"one too wide", "raise ExceptionGroup('g', [KeyError(i) for i in range(16)])", 11},
		{"much too wide", "raise ExceptionGroup('g', [KeyError(i) for i in range(200)])", 11},
		{"deep group", "e = KeyError('k')\nfor i in range(10): e = ExceptionGroup(str(i), [e])\nraise e", 11},
		{"too deep group", "e = KeyError('k')\nfor i in range(30): e = ExceptionGroup(str(i), [e, ValueError(i)])\nraise e", 11},
	} {
		t.Run(c.name, func(t *testing.T) {
			needs(t, c.since, c.name)
			pythontest.With(t, func(tok gil.Token) {
				e, want := bothTracebacks(t, tok, c.source)
				assert.Equal(t, markers.ReplaceAllString(want, ""), markers.ReplaceAllString(fmt.Sprintf("%+v\n", e), ""))
			})
		})
	}
}

// bothTracebacks raises once, and gives the error and traceback.format_exception's text of the same
// exception.
func bothTracebacks(t *testing.T, tok gil.Token, source string) (*pybridge.Error, string) {
	t.Helper()
	namespace := pythontest.Define(t, tok, `
import linecache, traceback
kept = []
def run(source):
    name = "/program.py"
    linecache.cache[name] = (len(source), None, source.splitlines(True), name)
    try:
        exec(compile(source, name, "exec"), {"__name__": "program"})
    except BaseException as e:
        kept.append(e)
        raise
def text():
    return "".join(traceback.format_exception(type(kept[0]), kept[0], kept[0].__traceback__))
both = (run, text)
`, "both")
	functions := as[[]*pybridge.Object](t, tok, namespace)
	defer functions[0].Release()
	defer functions[1].Release()
	_, err := functions[0].Call(tok, source)
	var e *pybridge.Error
	require.ErrorAs(t, err, &e)
	return e, as[string](t, tok, call(t, tok, functions[1]))
}

func TestTracebackShowsSourceOfEveryLine(t *testing.T) {
	pythontest.With(t, func(tok gil.Token) {
		text := fmt.Sprintf("%+v", raised(t, tok, "def f():\n    raise ValueError('v')  # here\nf()"))
		assert.Contains(t, text, ", line 2, in f\n    raise ValueError('v')  # here\nValueError: v")
		assert.False(t, strings.HasSuffix(text, "\n"))
	})
}
