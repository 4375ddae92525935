package pybridge_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/internal/pythontest"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

var errSentinel = errors.New("sentinel")

func failing(err error) pybridge.Func {
	return func(context.Context, []any, map[string]any) (any, error) { return nil, err }
}

func TestGoErrorComesBackTheSame(t *testing.T) {
	pythontest.With(t, func(tok gil.Token) {
		f := goFunc(t, tok, failing(fmt.Errorf("wrapped: %w", errSentinel)))
		_, err := f.Call(tok)
		assert.ErrorIs(t, err, errSentinel)
		assert.ErrorIs(t, err, pybridge.Class("_gopyrpc_bridge.GoError"))
		assert.ErrorContains(t, err, "wrapped: sentinel")

		reraise := pythontest.Define(t, tok, "def g(f):\n    try: f()\n    except Exception as e: raise ValueError('v') from e", "g")
		_, err = reraise.Call(tok, f)
		assert.ErrorIs(t, err, pybridge.ValueError)
		assert.ErrorIs(t, err, errSentinel, "as the cause")
	})
}

func TestGoErrorWithInvalidText(t *testing.T) {
	pythontest.With(t, func(tok gil.Token) {
		_, err := goFunc(t, tok, failing(errors.New("a\xffb\x00c"))).Call(tok)
		assert.ErrorIs(t, err, pybridge.Class("_gopyrpc_bridge.GoError"))
		assert.ErrorContains(t, err, "a\uFFFDb\x00c")
	})
}

func TestClassRaisesBuiltin(t *testing.T) {
	for _, c := range []struct {
		err  error
		want pybridge.Class
	}{
		{fmt.Errorf("%w: no such thing: %w", pybridge.KeyError, errSentinel), "KeyError"},
		{pybridge.TimeoutError, "TimeoutError"},
		{errors.Join(errSentinel, pybridge.StopIteration), "StopIteration"},
		{pybridge.SystemExit, "SystemExit"},
		// What is no builtin exception, or wants other arguments, is a GoError.
		{pybridge.UnicodeDecodeError, "_gopyrpc_bridge.GoError"},
		{pybridge.Class("own.Error"), "_gopyrpc_bridge.GoError"},
		{pybridge.Class("print"), "_gopyrpc_bridge.GoError"},
		{pybridge.Class("int"), "_gopyrpc_bridge.GoError"},
		{pybridge.Class(""), "_gopyrpc_bridge.GoError"},
	} {
		t.Run(fmt.Sprint(c.err), func(t *testing.T) {
			pythontest.With(t, func(tok gil.Token) {
				f := goFunc(t, tok, failing(c.err))
				caught := pythontest.Define(t, tok, "def name(f):\n    try: f()\n    except BaseException as e: return type(e).__name__, str(e)", "name")
				got := as[[2]string](t, tok, call(t, tok, caught, f))
				assert.Contains(t, string(c.want), got[0])
				text := c.err.Error()
				if string(c.want) == got[0] { // which Python says before the text
					text = strings.TrimPrefix(text, got[0]+": ")
					assert.NotContains(t, got[1], got[0]+": ")
				}
				assert.Contains(t, got[1], text)

				_, err := f.Call(tok)
				assert.ErrorIs(t, err, c.want)
				assert.ErrorIs(t, err, c.err, "the Go error is inside")
				assert.Equal(t, errors.Is(c.err, errSentinel), errors.Is(err, errSentinel))
			})
		})
	}
}

// An exception that passes through Go is the same object on the other side.
func TestPythonErrorPassesThroughGoUnchanged(t *testing.T) {
	for name, wrap := range map[string]func(error) error{
		"plain":   func(err error) error { return err },
		"wrapped": func(err error) error { return fmt.Errorf("in Go: %w", err) },
		"joined":  func(err error) error { return errors.Join(errSentinel, err) },
	} {
		t.Run(name, func(t *testing.T) {
			pythontest.With(t, func(tok gil.Token) {
				f := goFunc(t, tok, func(ctx context.Context, args []any, _ map[string]any) (any, error) {
					return nil, wrap(gil.With(ctx, func(tok gil.Token) error {
						_, err := args[0].(*pybridge.Object).Call(tok)
						return err
					}))
				})
				same := pythontest.Define(t, tok, `
def same(f):
    original = KeyError("k")
    original.extra = object()
    def fail(): raise original
    try:
        f(fail)
    except KeyError as e:
        return e is original and e.__cause__ is None
`, "same")
				assert.True(t, as[bool](t, tok, call(t, tok, same, f)))
			})
		})
	}
}

// Seen through another context, it is still an error with the same text.
func TestPythonErrorFromElsewhere(t *testing.T) {
	pythontest.With(t, func(tok gil.Token) {
		elsewhere := raised(t, tok, "{}['k']")
		_, err := goFunc(t, tok, failing(elsewhere)).Call(tok)
		assert.ErrorIs(t, err, pybridge.Class("_gopyrpc_bridge.GoError"))
		assert.ErrorIs(t, err, pybridge.KeyError)
		assert.ErrorContains(t, err, "KeyError: 'k'")
	})
}

func TestKeyboardInterruptThroughGo(t *testing.T) {
	pythontest.With(t, func(tok gil.Token) {
		f := goFunc(t, tok, func(ctx context.Context, args []any, _ map[string]any) (any, error) {
			return nil, gil.With(ctx, func(tok gil.Token) error {
				_, err := args[0].(*pybridge.Object).Call(tok)
				return err
			})
		})
		interrupt := pythontest.Define(t, tok, "def interrupt(): raise KeyboardInterrupt", "interrupt")
		_, err := f.Call(tok, interrupt)
		assert.ErrorIs(t, err, pybridge.KeyboardInterrupt)
	})
}
