package handler_test

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/handler"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// claiming is a pickle that says it goes on for size bytes, and does not.
func claiming(opcode byte, size uint64) []byte {
	return binary.LittleEndian.AppendUint64([]byte{0x80, 5, opcode}, size)
}

// TestBadPayloads: what cannot be unpickled has no outcome, so it is an error and never a result.
func TestBadPayloads(t *testing.T) {
	good := pickled(t, newHandler(t), "(u.record, ('ran',), {})").Data
	for _, allow := range []bool{false, true} {
		var opts []handler.Option
		if allow {
			opts = append(opts, handler.WithAllow("udfs"))
		}
		h := newHandler(t, opts...)
		for _, c := range []struct {
			name string
			data []byte
		}{
			{"nil", nil},
			{"empty", []byte{}},
			{"garbage", []byte("\x00garbage")},
			{"text", []byte("hello")},
			{"large garbage", bytes.Repeat([]byte("\xfe"), 100_000)},
			{"protocol from the future", []byte("\x80\x09.")},
			{"nothing but a stop", []byte(".")},
			{"a stack that is empty", []byte("\x80\x05a.")},
			{"1 GiB of bytes claimed", claiming(0x8e, 1<<30)},
			{"1 GiB of text claimed", claiming(0x8d, 1<<30)},
			{"1 GiB of bytearray claimed", claiming(0x96, 1<<30)},
			{"more than there is memory claimed", claiming(0x8e, 1<<62)},
			{"a frame of 1 GiB claimed", claiming(0x95, 1<<30)},
			{"more than 64 bits claimed", claiming(0x96, 1<<63)},
			{"no such module", []byte("cnot_a_module_of_anybody\nx\n.")},
			{"no such name", []byte("cudfs\nnot_there\n.")},
			{"no such tensor", []byte("cgopyrpc.internal\n_receive_tensor\n(I0\ntR.")},
		} {
			out, err := h.RunUDF(t.Context(), handler.Payload{Data: c.data})
			require.ErrorIs(t, err, handler.DeserializeError, "%s, allow-list: %t", c.name, allow)
			assert.Empty(t, out)
			_, err = h.Deserialize(t.Context(), handler.Payload{Data: c.data})
			assert.ErrorIs(t, err, handler.DeserializeError, "%s, allow-list: %t", c.name, allow)
		}
		for n := range good {
			_, err := h.RunUDF(t.Context(), handler.Payload{Data: good[:n]})
			require.ErrorIs(t, err, handler.DeserializeError, "cut off after %d bytes, allow-list: %t", n, allow)
		}
	}
	assert.Empty(t, ran(t))
}

// TestDeserializeErrorSaysWhy gives the exception that stopped the unpickling as the cause.
func TestDeserializeErrorSaysWhy(t *testing.T) {
	h := newHandler(t)
	for _, c := range []struct {
		data  string
		cause pybridge.Class
		text  string
	}{
		{"cnot_a_module_of_anybody\nx\n.", pybridge.ModuleNotFoundError, "not_a_module_of_anybody"},
		{"cudfs\nnot_there\n.", pybridge.AttributeError, "not_there"},
		{"cbuiltins\nint\n(\x8c\x01xtR.", pybridge.ValueError, "invalid literal"},
		{"csys\nexit\n(I3\ntR.", pybridge.SystemExit, "3"},
	} {
		_, err := h.RunUDF(t.Context(), handler.Payload{Data: []byte(c.data)})
		var e *pybridge.Error
		require.ErrorAs(t, err, &e)
		assert.Equal(t, "DeserializeError", e.Type)
		assert.ErrorIs(t, err, c.cause)
		assert.Contains(t, e.Message, c.text, "one line says what is wrong")
	}
}

// TestNotAUDF: a pickle of something else can be read, so it is a call that fails.
func TestNotAUDF(t *testing.T) {
	h := newHandler(t)
	for _, data := range []string{"I5\n.", "N.", "(I1\nI2\nt.", "]."} {
		err := h.HandleException(t.Context(), run(t, h, handler.Payload{Data: []byte(data)}))
		require.ErrorIs(t, err, pybridge.TypeError, "%q", data)
		assert.Contains(t, err.Error(), "expected a PythonUDF", "%q", data)
	}
}

func TestTrailingBytesAreIgnored(t *testing.T) {
	h := newHandler(t)
	p := pickled(t, h, "(u.greet, ('you',), {})")
	got := run(t, h, handler.Payload{Data: append(bytes.Clone(p.Data), "junk"...)})
	assert.Equal(t, "Hello, you", as[string](t, got))
}

func TestUnpicklableResults(t *testing.T) {
	h := newHandler(t)
	for _, c := range []struct{ call, cause string }{
		{"(u.generator, (), {})", "generator"},
		{"(u.getter, ('x',), {})", "<lambda>"},
		{"(open, ('/dev/null',), {})", "TextIOWrapper"},
		{"(u.nested, (100_000,), {})", "RecursionError"},
	} {
		_, err := h.RunUDF(t.Context(), pickled(t, h, c.call))
		require.ErrorIs(t, err, handler.SerializeError, c.call)
		assert.NotErrorIs(t, err, handler.DeserializeError, c.call)
		assert.Contains(t, err.Error(), c.cause, c.call)
	}
}

// TestUnloadableResultIsTheCallersError: it pickles, and the caller is who cannot read it.
func TestUnloadableResultIsTheCallersError(t *testing.T) {
	h := newHandler(t)
	_, err := h.RunUDF(t.Context(), pickled(t, h, "(u.unloadable, (), {})"))
	assert.ErrorIs(t, err, handler.SerializeError, "pickle looks names up when it writes them")
}

// TestTooLargeIsRefusedBeforePython counts how often Python was entered.
func TestTooLargeIsRefusedBeforePython(t *testing.T) {
	plain := newHandler(t)
	p := pickled(t, plain, "(u.record, ('ran',), {})")
	h := newHandler(t, handler.WithMaxPayload(int64(len(p.Data))))
	run(t, h, p)
	require.Equal(t, []string{"ran"}, ran(t), "as large as allowed")

	p.Data = append(p.Data, 'x')
	entered := calls()
	_, err := h.RunUDF(t.Context(), p)
	require.ErrorIs(t, err, handler.ErrTooLarge)
	_, err = h.Deserialize(t.Context(), p)
	require.ErrorIs(t, err, handler.ErrTooLarge)
	assert.Equal(t, entered, calls())
	assert.Empty(t, ran(t))
}
