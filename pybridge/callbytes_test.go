package pybridge_test

import (
	"bytes"
	"context"
	"runtime"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/internal/pythontest"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

const large = 1 << 20 // far above what is copied

func define(t testing.TB, source, name string) (o *pybridge.Object) {
	t.Helper()
	pythontest.With(t, func(tok gil.Token) { o = pythontest.Define(t, tok, source, name) })
	return o
}

func TestCallBytesSizes(t *testing.T) {
	echo := define(t, "def echo(payload): return bytes(payload)", "echo")
	kind := define(t, "def kind(payload): return type(payload).__name__.encode() + b' %d' % len(payload)", "kind")
	for size, want := range map[int]string{
		0: "bytes 0", 1: "bytes 1", 2048: "bytes 2048", 2049: "bytes 2049", 1<<16 - 1: "bytes 65535", 1 << 16: "memoryview 65536", large: "memoryview 1048576",
	} {
		payload := bytes.Repeat([]byte{'a', 0, 255}, size/3+1)[:size]
		data, result, err := echo.CallBytes(t.Context(), payload, nil)
		require.NoError(t, err)
		assert.Nil(t, result)
		assert.NotNil(t, data)
		assert.True(t, bytes.Equal(payload, data), "%d bytes", size)
		data, _, err = kind.CallBytes(t.Context(), payload, nil)
		require.NoError(t, err)
		assert.Equal(t, want, string(data))
	}
	data, _, err := echo.CallBytes(t.Context(), nil, nil)
	require.NoError(t, err)
	assert.Equal(t, []byte{}, data)
	drained(t)
}

func TestCallBytesLent(t *testing.T) {
	for size, lends := range map[int]bool{1: false, 2048: false, 2049: true, large: true} {
		echo := define(t, "def echo(payload): return bytes(payload)", "echo")
		payload := bytes.Repeat([]byte{'a', 0, 255}, size/3+1)[:size]
		lent, err := echo.CallBytesLent(t.Context(), payload, nil)
		require.NoError(t, err)
		assert.Nil(t, lent.Object)
		assert.True(t, bytes.Equal(payload, lent.Data), "%d bytes", size)
		assert.Equal(t, lends, lent.Owner != nil, "%d bytes", size)
		assert.False(t, lent.PayloadHeld)
		lent.Owner.Release()
	}
	lent, err := define(t, "def f(payload): return None", "f").CallBytesLent(t.Context(), nil, nil)
	require.NoError(t, err)
	assert.Nil(t, lent.Owner)
	lent.Object.Release()
	drained(t)
}

// TestCallBytesLentPayloadHeld: a caller that uses the memory of payloads again has to know.
func TestCallBytesLentPayloadHeld(t *testing.T) {
	for source, held := range map[string]bool{
		"def f(payload): f.kept = memoryview(payload)[1:]":                       true,
		"def f(payload):\n  f.kept = memoryview(payload)\n  raise ValueError(1)": true,
		"def f(payload): f.kept = payload":                                       false, // released
		"def f(payload): f.kept = bytes(payload)":                                false,
	} {
		lent, _ := define(t, source, "f").CallBytesLent(t.Context(), make([]byte, large), nil)
		assert.Equal(t, held, lent.PayloadHeld, source)
		lent.Object.Release()
	}
}

func TestCallBytesExtraAndOtherResults(t *testing.T) {
	pair := define(t, "def pair(payload, extra): return [payload, extra]", "pair")
	extra := define(t, "value = object()", "value")
	data, result, err := pair.CallBytes(t.Context(), []byte("x"), extra)
	require.NoError(t, err)
	defer result.Release()
	assert.Nil(t, data)
	pythontest.With(t, func(tok gil.Token) {
		check := pythontest.Define(t, tok, "def check(r, extra): return r[0] == b'x' and r[1] is extra", "check")
		assert.True(t, as[bool](t, tok, call(t, tok, check, result, extra)))
	})
	for expression, want := range map[string]string{"None": "None", "bytearray(b'x')": "bytearray(b'x')", "''": "''"} {
		_, result, err := define(t, "def f(payload): return "+expression, "f").CallBytes(t.Context(), nil, nil)
		require.NoError(t, err)
		pythontest.With(t, func(tok gil.Token) { assert.Equal(t, want, repr(t, tok, result)) })
		result.Release()
	}
}

func TestCallBytesErrors(t *testing.T) {
	fail := define(t, "def fail(payload): raise KeyError(len(payload))", "fail")
	for _, size := range []int{0, 10, large} {
		data, result, err := fail.CallBytes(t.Context(), make([]byte, size), nil)
		assert.ErrorIs(t, err, pybridge.KeyError)
		assert.Nil(t, data)
		assert.Nil(t, result)
	}
	_, _, err := define(t, "value = 7", "value").CallBytes(t.Context(), nil, nil)
	assert.ErrorIs(t, err, pybridge.TypeError)

	released := define(t, "value = 7", "value")
	released.Release()
	_, _, err = fail.CallBytes(t.Context(), nil, released)
	assert.ErrorIs(t, err, pybridge.ErrReleased)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, err = fail.CallBytes(ctx, nil, nil)
	assert.ErrorIs(t, err, context.Canceled)

	pythontest.With(t, func(gil.Token) {
		assert.ErrorIs(t, pythontest.Misuse(func() error { _, _, err := fail.CallBytes(t.Context(), nil, nil); return err }), pybridge.ErrHeld)
	})
}

// A callee that keeps the view of a large payload has nothing in its hands after the return.
func TestCallBytesViewEndsWithTheCall(t *testing.T) {
	keep := define(t, "kept = []\ndef keep(payload):\n    kept.append(payload)\n    return bytes(payload[:3])\nkeep.kept = kept", "keep")
	data, _, err := keep.CallBytes(t.Context(), bytes.Repeat([]byte("abc"), large), nil)
	require.NoError(t, err)
	assert.Equal(t, "abc", string(data))
	pythontest.With(t, func(tok gil.Token) {
		use := pythontest.Define(t, tok, "def use(keep): return keep.kept[0][0]", "use")
		_, err := use.Call(tok, keep)
		assert.ErrorIs(t, err, pybridge.ValueError)
	})
	write := define(t, "def write(payload): payload[0] = 1", "write")
	_, _, err = write.CallBytes(t.Context(), make([]byte, large), nil)
	assert.ErrorIs(t, err, pybridge.TypeError, "the view is read-only")
}

// What holds an export of the view cannot lose it: the payload is kept for it instead.
func TestCallBytesPayloadOutlivesExports(t *testing.T) {
	for _, c := range []struct{ name, export, end string }{
		{"export, returns", "pickle.PickleBuffer(payload)", "return b'ok'"},
		{"export, raises", "pickle.PickleBuffer(payload)", "raise KeyError"},
		{"slice, returns", "payload[:1000]", "return b'ok'"},
		{"slice, raises", "payload[:1000]", "raise KeyError"},
	} {
		t.Run(c.name, func(t *testing.T) {
			keep := define(t, "import pickle\nkept = []\ndef keep(payload):\n    kept.append("+c.export+")\n    "+c.end+"\nkeep.kept = kept", "keep")
			for i := range 20 {
				_, _, err := keep.CallBytes(t.Context(), bytes.Repeat([]byte{byte(i)}, large), nil)
				assert.Equal(t, c.end == "raise KeyError", err != nil)
			}
			for range 10 { // what is not kept is overwritten
				runtime.GC()
				_ = bytes.Repeat([]byte{255}, large)
			}
			pythontest.With(t, func(tok gil.Token) {
				check := pythontest.Define(t, tok, "def check(keep): return all(bytes(v) == bytes([i]) * memoryview(v).nbytes for i, v in enumerate(keep.kept))", "check")
				assert.True(t, as[bool](t, tok, call(t, tok, check, keep)))
			})
		})
	}
}

func TestCallBytesFromManyGoroutines(t *testing.T) {
	echo := define(t, "def echo(payload): return bytes(payload)", "echo")
	fail := define(t, "def fail(payload): raise ValueError(bytes(payload))", "fail")
	owned := pybridge.Owned()
	var wg sync.WaitGroup
	for i := range 64 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			payload := bytes.Repeat([]byte{byte(i)}, 100+i*2000)
			for range 50 {
				data, _, err := echo.CallBytes(context.Background(), payload, nil)
				assert.NoError(t, err)
				assert.True(t, bytes.Equal(payload, data))
			}
			_, _, err := fail.CallBytes(context.Background(), payload, nil)
			assert.ErrorIs(t, err, pybridge.ValueError)
		}()
	}
	wg.Wait()
	drained(t)
	assert.Equal(t, owned, pybridge.Owned())
}
