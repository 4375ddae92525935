package pybridge_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/internal/pythontest"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// TestMemory: it is given back when the last that shows it has gone, whichever that is.
func TestMemory(t *testing.T) {
	for name, data := range map[string][]byte{"some": []byte("abcdef"), "none": {}, "nil": nil, "large": []byte(strings.Repeat("x", 1<<20))} {
		t.Run(name, func(t *testing.T) {
			released := 0
			var look *pybridge.Object
			pythontest.With(t, func(tok gil.Token) {
				memory, err := pybridge.ToPython(tok, pybridge.Memory{Data: data, Release: func() { released++ }})
				require.NoError(t, err)
				defer memory.Release()
				look = pythontest.Define(t, tok, `
def look(memory):
    look.kept = memory[1:]
    try:
        memory[:] = bytes(memory)
    except TypeError as exc:
        assert "read-only" in str(exc), exc
    else:
        raise AssertionError("it can be written to")
    return memory.tobytes()
`, "look")
				got, err := look.Call(tok, memory)
				require.NoError(t, err)
				defer got.Release()
				assert.Equal(t, string(data), string(as[[]byte](t, tok, got)))
			})
			drained(t)
			assert.Zero(t, released, "a slice shows it")
			pythontest.With(t, func(tok gil.Token) { require.NoError(t, look.SetAttr(tok, "kept", nil)) })
			assert.Equal(t, 1, released)
		})
	}
}

// TestGiven: what a function gives up is released once it was converted, or could not be.
func TestGiven(t *testing.T) {
	for name, c := range map[string]struct {
		value  any
		err    error
		want   string
		raised string
	}{
		"value":              {value: []any{1, "a"}, want: "[1, 'a']"},
		"nothing to convert": {value: func() {}, raised: "cannot convert func()"},
		"beside an error":    {value: 1, err: errors.New("the error"), raised: "the error"},
		"memory":             {value: pybridge.Memory{Data: []byte("abc"), Release: func() {}}, want: "b'abc'"},
	} {
		t.Run(name, func(t *testing.T) {
			released := 0
			pythontest.With(t, func(tok gil.Token) {
				f, err := pybridge.NewFunc(tok, t.Context(), "give", func(context.Context, []any, map[string]any) (any, error) {
					return pybridge.Given{Value: c.value, Release: func() {
						assert.True(t, gil.Held())
						released++
					}}, c.err
				})
				require.NoError(t, err)
				defer f.Release()
				got, err := f.Call(tok)
				if c.raised != "" {
					assert.ErrorContains(t, err, c.raised)
				} else {
					require.NoError(t, err)
					if name == "memory" {
						bytes := pythontest.Eval(t, tok, "bytes")
						memory := got
						got, err = bytes.Call(tok, memory)
						memory.Release()
						require.NoError(t, err)
					}
					assert.Equal(t, c.want, repr(t, tok, got))
					got.Release()
				}
			})
			assert.Equal(t, 1, released)
		})
	}
}
