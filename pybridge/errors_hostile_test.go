package pybridge_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/internal/pythontest"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// Exceptions whose own methods misbehave are reported with what can be had.
func TestHostileExceptions(t *testing.T) {
	for name, c := range map[string]struct {
		source, class, message string
	}{
		"str raises":          {"class E(Exception):\n    def __str__(self): 1/0\nraise E", "program.E", "<exception str() failed: ZeroDivisionError>"},
		"str gives no str":    {"class E(Exception):\n    def __str__(self): return 7\nraise E", "program.E", "<exception str() failed: TypeError>"},
		"str exits":           {"class E(Exception):\n    def __str__(self): raise SystemExit(3)\nraise E", "program.E", "<exception str() failed: SystemExit>"},
		"str interrupts":      {"class E(Exception):\n    def __str__(self): raise KeyboardInterrupt\nraise E", "program.E", "<exception str() failed: KeyboardInterrupt>"},
		"str raises itself":   {"class E(Exception):\n    def __str__(self): raise self\nraise E", "program.E", "<exception str() failed: program.E>"},
		"str gives subclass":  {"class S(str): pass\nclass E(Exception):\n    def __str__(self): return S('s')\nraise E", "program.E", "s"},
		"lone surrogate":      {"raise ValueError('\\ud800')", "ValueError", "\xed\xa0\x80"},
		"NUL":                 {"raise ValueError('a\\0b')", "ValueError", "a\x00b"},
		"module is no str":    {"class E(Exception): __module__ = 42\nraise E", "<unknown>.E", ""},
		"module raises":       {"class M(type):\n    @property\n    def __module__(cls): 1/0\nclass E(Exception, metaclass=M): pass\nraise E", "<unknown>.E", ""},
		"class lies":          {"class M(type):\n    def __getattribute__(cls, name): return 42\nclass E(Exception, metaclass=M): pass\nraise E", "<unknown>.E", ""},
		"mro lies":            {"class M(type):\n    @property\n    def __mro__(cls): return 42\nclass E(Exception, metaclass=M): pass\nraise E", "program.E", ""},
		"attributes raise":    {"class E(Exception):\n    def __getattribute__(self, name): raise SystemExit(name)\nraise E('m')", "program.E", "m"},
		"cause is a property": {"class E(Exception):\n    __cause__ = property(lambda self: 1/0)\n    __traceback__ = 7\nraise E('m')", "program.E", "m"},
		"notes raise":         {"class E(Exception):\n    __notes__ = property(lambda self: 1/0)\nraise E('m')", "program.E", "m"},
		"class pretends":      {"class E(Exception):\n    __class__ = int\nraise E('m')", "program.E", "m"},
		"origin is forged":    {"e = ValueError('m')\ne._gopyrpc_origin = lambda: 1\nraise e", "ValueError", "m"},
		"origin is no Go":     {"e = ValueError('m')\ne._gopyrpc_origin = len\nraise e", "ValueError", "m"},
	} {
		t.Run(name, func(t *testing.T) {
			pythontest.With(t, func(tok gil.Token) {
				e := raised(t, tok, c.source)
				assert.Equal(t, c.class, e.MRO[0])
				assert.Equal(t, c.message, e.Message)
				assert.ErrorIs(t, e, pybridge.Exception)
				assert.NotEmpty(t, e.Traceback)
				assert.NotEmpty(t, fmt.Sprintf("%+v", e))
			})
		})
	}
}

func TestEmptiedModulesDoNotHurtErrors(t *testing.T) {
	assert.Contains(t, runs(t, "errors after sys.modules was emptied"), "KeyError: 'k'")
}

func chain(e *pybridge.Error, next func(*pybridge.Error) *pybridge.Error) (n int) {
	for ; e != nil; e = next(e) {
		n++
	}
	return n
}

func TestDeepChainsAreCut(t *testing.T) {
	const source = `
e = None
for i in range(5000):
    new = ValueError(i)
    new.%s = e
    e = new
raise e
`
	pythontest.With(t, func(tok gil.Token) {
		e := raised(t, tok, replace(source, "__cause__"))
		assert.Equal(t, "4999", e.Message)
		assert.Equal(t, 64, chain(e, func(e *pybridge.Error) *pybridge.Error { return e.Cause }))
		e = raised(t, tok, replace(source, "__context__"))
		assert.Equal(t, 64, chain(e, func(e *pybridge.Error) *pybridge.Error { return e.Context }))
	})
}

func TestCyclicChainsEnd(t *testing.T) {
	pythontest.With(t, func(tok gil.Token) {
		e := raised(t, tok, "a, b = ValueError('a'), ValueError('b')\na.__cause__, b.__cause__ = b, a\nraise a")
		assert.Equal(t, 2, chain(e, func(e *pybridge.Error) *pybridge.Error { return e.Cause }))
		e = raised(t, tok, "a = ValueError('a')\na.__cause__ = a\nraise a")
		assert.Nil(t, e.Cause)
		assert.NotEmpty(t, fmt.Sprintf("%+v", e))
	})
}

func TestWideGroupsAreCut(t *testing.T) {
	needs(t, 11, "exception groups")
	pythontest.With(t, func(tok gil.Token) {
		e := raised(t, tok, "raise ExceptionGroup('g', [ValueError(i) for i in range(5000)])")
		assert.Len(t, e.Members, 999)
		e = raised(t, tok, "e = ValueError()\nfor _ in range(500): e = ExceptionGroup('g', [e])\nraise e")
		assert.Equal(t, 64, chain(e, func(e *pybridge.Error) *pybridge.Error {
			if len(e.Members) == 0 {
				return nil
			}
			return e.Members[0]
		}))
	})
}

func TestRecursionIsKeptInFewFrames(t *testing.T) {
	pythontest.With(t, func(tok gil.Token) {
		e := raised(t, tok, "def f(n):\n    if n: f(n - 1)\n    else: 1/0\nf(500)")
		require.Len(t, e.Traceback, 6)
		assert.Equal(t, 497, e.Traceback[4].Repeated)
		assert.Contains(t, fmt.Sprintf("%+v", e), "  [Previous line repeated 497 more times]\n")
	})
}

func TestVeryLongTracebackIsCutInTheMiddle(t *testing.T) {
	pythontest.With(t, func(tok gil.Token) {
		e := raised(t, tok, "def f(n):\n    if n: g(n)\n    else: 1/0\ndef g(n):\n    f(n - 1)\nf(400)")
		require.Len(t, e.Traceback, 200)
		assert.Equal(t, 2+801-200, e.Traceback[99].Omitted)
		assert.Equal(t, "else: 1/0", e.Traceback[199].Text)
		assert.Contains(t, fmt.Sprintf("%+v", e), "  [603 calls left out]\n")
	})
}

// The stack is exhausted when the exception is described, too.
func TestErrorAtTheRecursionLimit(t *testing.T) {
	pythontest.With(t, func(tok gil.Token) {
		e := raised(t, tok, "def f():\n    try: f()\n    finally: {}['k']\nf()")
		assert.ErrorIs(t, e, pybridge.KeyError)
	})
}

func TestInterruptAndExitEndNothing(t *testing.T) {
	pythontest.With(t, func(tok gil.Token) {
		assert.Equal(t, "SystemExit: 3", raised(t, tok, "raise SystemExit(3)").Error())
		assert.Equal(t, "KeyboardInterrupt", raised(t, tok, "raise KeyboardInterrupt").Error())
		assert.Equal(t, "GeneratorExit", raised(t, tok, "raise GeneratorExit").Error())
	})
	drained(t)
}
