package pybridge_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/internal/pythontest"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

func TestAttributes(t *testing.T) {
	pythontest.With(t, func(tok gil.Token) {
		o := pythontest.Eval(t, tok, "__import__('types').SimpleNamespace(a=1)")
		require.NoError(t, o.SetAttr(tok, "a", 2))
		require.NoError(t, o.SetAttr(tok, "grün", []int{3}))
		assert.Equal(t, "namespace(a=2, grün=[3])", repr(t, tok, o))
		a, err := o.Attr(tok, "a")
		require.NoError(t, err)
		defer a.Release()
		assert.Equal(t, 2, as[int](t, tok, a))
		assert.Equal(t, "attribute a", a.Label())

		_, err = o.Attr(tok, "missing")
		assert.ErrorIs(t, err, pybridge.AttributeError)
		_, err = o.Attr(tok, "\xff")
		assert.ErrorIs(t, err, pybridge.UnicodeDecodeError)
		assert.ErrorIs(t, pythontest.Eval(t, tok, "1").SetAttr(tok, "x", 1), pybridge.AttributeError)
		assertConversionError(t, o.SetAttr(tok, "x", link{}), "", "link")
	})
}

func TestItems(t *testing.T) {
	pythontest.With(t, func(tok gil.Token) {
		d := pythontest.Eval(t, tok, "{(1, 2): 'x'}")
		require.NoError(t, d.SetItem(tok, "k", nil))
		x, err := d.Item(tok, pybridge.Tuple{1, 2})
		require.NoError(t, err)
		defer x.Release()
		assert.Equal(t, "x", as[string](t, tok, x))
		_, err = d.Item(tok, "missing")
		assert.ErrorIs(t, err, pybridge.KeyError)
		assert.ErrorIs(t, d.SetItem(tok, []any{}, 1), pybridge.TypeError)
		_, err = pythontest.Eval(t, tok, "7").Item(tok, 0)
		assert.ErrorIs(t, err, pybridge.TypeError)
		_, err = d.Item(tok, link{})
		assertConversionError(t, err, "", "link")
	})
}

func TestLenTruthCallable(t *testing.T) {
	pythontest.With(t, func(tok gil.Token) {
		n, err := pythontest.Eval(t, tok, "[1, 2]").Len(tok)
		require.NoError(t, err)
		assert.Equal(t, 2, n)
		_, err = pythontest.Eval(t, tok, "7").Len(tok)
		assert.ErrorIs(t, err, pybridge.TypeError)

		for expression, want := range map[string]bool{"[]": false, "[0]": true, "None": false, "object()": true} {
			truth, err := pythontest.Eval(t, tok, expression).Truth(tok)
			require.NoError(t, err)
			assert.Equal(t, want, truth, expression)
		}
		_, err = pythontest.Define(t, tok, "class C:\n    def __bool__(self): 1/0\nvalue = C()", "value").Truth(tok)
		assert.ErrorIs(t, err, pybridge.ZeroDivisionError)

		for expression, want := range map[string]bool{"len": true, "int": true, "7": false} {
			callable, err := pythontest.Eval(t, tok, expression).Callable(tok)
			require.NoError(t, err)
			assert.Equal(t, want, callable, expression)
		}
	})
}

func TestIsInstanceAndTypeName(t *testing.T) {
	pythontest.With(t, func(tok gil.Token) {
		yes, err := pythontest.Eval(t, tok, "True").IsInstance(tok, pythontest.Eval(t, tok, "(str, int)"))
		require.NoError(t, err)
		assert.True(t, yes)
		no, err := pythontest.Eval(t, tok, "1").IsInstance(tok, pythontest.Eval(t, tok, "str"))
		require.NoError(t, err)
		assert.False(t, no)
		_, err = pythontest.Eval(t, tok, "1").IsInstance(tok, pythontest.Eval(t, tok, "1"))
		assert.ErrorIs(t, err, pybridge.TypeError)
		_, err = pythontest.Eval(t, tok, "1").IsInstance(tok, nil)
		assert.Error(t, err)

		for expression, want := range map[string]string{
			"1": "int", "__import__('collections').OrderedDict()": "collections.OrderedDict", "None": "NoneType",
		} {
			name, err := pythontest.Eval(t, tok, expression).TypeName(tok)
			require.NoError(t, err)
			assert.Equal(t, want, name)
		}
	})
}

func TestReprAndStr(t *testing.T) {
	pythontest.With(t, func(tok gil.Token) {
		o := pythontest.Eval(t, tok, "'a\\'ü'")
		assert.Equal(t, `"a'ü"`, repr(t, tok, o))
		text, err := o.Str(tok)
		require.NoError(t, err)
		assert.Equal(t, "a'ü", text)
		bad := pythontest.Define(t, tok, "class C:\n    def __repr__(self): return 7\nvalue = C()", "value")
		_, err = bad.Repr(tok)
		assert.ErrorIs(t, err, pybridge.TypeError)
		_, err = bad.Str(tok)
		assert.ErrorIs(t, err, pybridge.TypeError)
	})
}

func TestCalls(t *testing.T) {
	pythontest.With(t, func(tok gil.Token) {
		f := pythontest.Define(t, tok, "def f(*args, **kwargs): return args, sorted(kwargs.items())", "f")
		for _, c := range []struct {
			args   []any
			kwargs map[string]any
			want   string
		}{
			{nil, nil, "((), [])"},
			{[]any{1, "a"}, nil, "((1, 'a'), [])"},
			{nil, map[string]any{"k": 1, "ü": nil}, "((), [('k', 1), ('ü', None)])"},
			{[]any{nil}, map[string]any{"k": []int{2}}, "((None,), [('k', [2])])"},
		} {
			o, err := f.CallKw(tok, c.args, c.kwargs)
			require.NoError(t, err)
			assert.Equal(t, c.want, repr(t, tok, o))
			o.Release()
		}
		_, err := pythontest.Eval(t, tok, "7").Call(tok)
		assert.ErrorIs(t, err, pybridge.TypeError)
		_, err = f.Call(tok, 1, []any{link{}})
		assertConversionError(t, err, "[1][0]", "link")
		_, err = f.CallKw(tok, nil, map[string]any{"k": link{}})
		assertConversionError(t, err, `["k"]`, "link")

		joined, err := pythontest.Eval(t, tok, "'-'").CallMethod(tok, "join", []string{"a", "b"})
		require.NoError(t, err)
		defer joined.Release()
		assert.Equal(t, "a-b", as[string](t, tok, joined))
		_, err = joined.CallMethod(tok, "nothing")
		assert.ErrorIs(t, err, pybridge.AttributeError)
	})
}

func TestIterate(t *testing.T) {
	errStop := errors.New("stop")
	pythontest.With(t, func(tok gil.Token) {
		var seen []int
		collect := func(item *pybridge.Object) error {
			defer item.Release()
			seen = append(seen, as[int](t, tok, item))
			if len(seen) == 3 {
				return errStop
			}
			return nil
		}
		require.NoError(t, pythontest.Eval(t, tok, "iter([1, 2])").Iterate(tok, collect))
		assert.ErrorIs(t, pythontest.Eval(t, tok, "range(10)").Iterate(tok, collect), errStop)
		assert.Equal(t, []int{1, 2, 0}, seen)
		assert.ErrorIs(t, pythontest.Eval(t, tok, "7").Iterate(tok, collect), pybridge.TypeError)
		bad := pythontest.Define(t, tok, "def g():\n    yield 1\n    1/0\nvalue = g()", "value")
		assert.ErrorIs(t, bad.Iterate(tok, func(o *pybridge.Object) error { o.Release(); return nil }), pybridge.ZeroDivisionError)
	})
}

func TestWithoutGIL(t *testing.T) {
	var o *pybridge.Object
	var stale gil.Token
	pythontest.With(t, func(tok gil.Token) {
		o = pythontest.Eval(t, tok, "[1]")
		stale = tok
	})
	assert.ErrorIs(t, pythontest.Misuse(func() error { _, err := o.Len(stale); return err }), pybridge.ErrNotHeld)
	assert.ErrorIs(t, pythontest.Misuse(func() error { _, err := o.Call(gil.Token{}); return err }), pybridge.ErrNotHeld)
	assert.ErrorIs(t, pythontest.Misuse(func() error { _, err := pybridge.As[any](stale, o); return err }), pybridge.ErrNotHeld)
	assert.ErrorIs(t, pythontest.Misuse(func() error { _, err := pybridge.ToPython(stale, "x"); return err }), pybridge.ErrNotHeld)
	assert.ErrorIs(t, pythontest.Misuse(func() error { _, err := o.View(stale); return err }), pybridge.ErrNotHeld)
	assert.ErrorIs(t, pythontest.Misuse(func() error { _, err := o.Pointer(stale); return err }), pybridge.ErrNotHeld)
	assert.ErrorIs(t, pythontest.Misuse(func() error { _, err := pythontest.Runtime().Import(stale, "sys"); return err }), pybridge.ErrNotHeld)
	assert.ErrorIs(t, pythontest.Misuse(func() error { _, err := pybridge.NewFunc(stale, t.Context(), "f", nil); return err }), pybridge.ErrNotHeld)
	assert.ErrorIs(t, pythontest.Misuse(func() error { return pybridge.FetchError(stale) }), pybridge.ErrNotHeld)
}
