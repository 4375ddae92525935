package pybridge_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/internal/pythontest"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// balance checks that Python's memory is what it was after many times f, which must release what it
// gets.
func balance(t *testing.T, f func(tok gil.Token) error) {
	t.Helper()
	const times, slack = 1000, 100 // caches of CPython's own fill up meanwhile
	var blocks *pybridge.Object
	pythontest.With(t, func(tok gil.Token) {
		blocks = pythontest.Define(t, tok, `
import gc, sys
def blocks():
    gc.collect()
    return sys.getallocatedblocks()
`, "blocks")
	})
	measure := func(rounds int) (n int) {
		pythontest.With(t, func(tok gil.Token) {
			for range rounds {
				require.NoError(t, f(tok))
			}
		})
		drained(t)
		pythontest.With(t, func(tok gil.Token) {
			o, err := blocks.Call(tok)
			require.NoError(t, err)
			defer o.Release()
			n = as[int](t, tok, o)
		})
		return n
	}
	measure(times)
	owned, counts := pybridge.Owned(), []int{measure(1)}
	growth := times
	for range 3 { // a leak shows every time, a cache that grows once does not
		counts = append(counts, measure(times))
		growth = min(growth, counts[len(counts)-1]-counts[len(counts)-2])
	}
	assert.Less(t, growth, slack, "blocks after each %d times: %v", times, counts)
	assert.Equal(t, owned, pybridge.Owned())
}

func TestConversionsKeepNoMemory(t *testing.T) {
	value := []any{
		nil, true, 1, int64(1) << 40, power(2, 100), 1.5, complex(1, 2), "text", "tëxt", "🐍", []byte("bytes"), pybridge.ByteArray("array"),
		[]any{1000, pybridge.Tuple{2000}}, pybridge.Dict{{"k", []any{3000}}, {pybridge.Tuple{1}, 4000}},
		pybridge.Set{5000}, pybridge.FrozenSet{"x"}, map[string]int{"y": 6000},
	}
	var objects *pybridge.Object
	pythontest.With(t, func(tok gil.Token) { objects = pythontest.Eval(t, tok, "[object(), {}]") })
	for name, f := range map[string]func(tok gil.Token) error{
		"there and back": func(tok gil.Token) error {
			o, err := pybridge.ToPython(tok, value)
			if err != nil {
				return err
			}
			defer o.Release()
			_, err = pybridge.As[any](tok, o)
			return err
		},
		"refused to Python": func(tok gil.Token) error {
			for _, v := range []any{
				append(value[:len(value):len(value)], link{}), pybridge.Dict{{"k", link{}}}, pybridge.Dict{{[]any{}, 1}},
				pybridge.Set{[]any{}}, pybridge.Tuple{1000, "\xff"}, pybridge.Set{5000, link{}},
			} {
				if _, err := pybridge.ToPython(tok, v); err == nil {
					return assert.AnError
				}
			}
			return nil
		},
		"refused to Go": func(tok gil.Token) error {
			_, anyErr := pybridge.As[any](tok, objects)
			_, intsErr := pybridge.As[[]int](tok, objects)
			_, mixedErr := pybridge.As[[][]*pybridge.Object](tok, objects)
			if anyErr == nil || intsErr == nil || mixedErr == nil {
				return assert.AnError
			}
			return nil
		},
		"objects": func(tok gil.Token) error {
			list, err := pybridge.As[[]*pybridge.Object](tok, objects)
			for _, o := range list {
				o.Release()
			}
			return err
		},
	} {
		t.Run(name, func(t *testing.T) { balance(t, f) })
	}
}

func TestErrorsKeepNoMemory(t *testing.T) {
	var fail *pybridge.Object
	pythontest.With(t, func(tok gil.Token) {
		fail = pythontest.Define(t, tok, `
def fail():
    try:
        {}["key"]
    except KeyError as e:
        raise ValueError("text") from e
`, "fail")
	})
	balance(t, func(tok gil.Token) error {
		if _, err := fail.Call(tok); err == nil {
			return assert.AnError
		}
		return nil
	})
}
