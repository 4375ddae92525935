package handler_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/handler"
	"github.com/gopyrpc/gopyrpc/internal/pythontest"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

var numpyValues = []string{
	"numpy.arange(5)", "numpy.zeros((2, 3), 'f4')", "numpy.asfortranarray(numpy.arange(6.0).reshape(2, 3))", "numpy.array(3)", "numpy.zeros((0, 4))", "numpy.zeros(0)",
	"numpy.arange(20)[::2]", "numpy.arange(24).reshape(2, 3, 4).transpose(1, 2, 0)", "numpy.array([True, False])", "numpy.array([1j, 2])", "numpy.array([b'ab', b'c'])", "numpy.array(['ab', 'c'])",
	"numpy.array(['2020-01-01', 'NaT'], 'M8[D]')", "numpy.array([1, 2], 'm8[25us]')", "numpy.array([1], 'm8')", "numpy.arange(5, dtype='>i4')", "numpy.zeros(2, 'V3')", "numpy.ones(3, 'f2')", "numpy.ones(2, 'longdouble')",
	"numpy.float64(1.5)", "numpy.int8(-1)", "numpy.bool_(True)", "numpy.str_('text')", "numpy.bytes_(b'bytes')", "numpy.datetime64('2020-01-01')", "numpy.timedelta64(5, 'ns')", "numpy.complex64(1j)", "numpy.uint64(1 << 63)",
	"[numpy.arange(2)] * 2", "[numpy.arange(2), numpy.arange(3)]", "numpy.dtype('f8')", "numpy.dtype('M8[ns]')", "{numpy.int64(1): numpy.float64(2)}", "numpy.ones(70_000, 'u1')", "numpy.random.bytes(70_000)", "numpy.ones((300, 300))",
}

// needsNumpy skips a test where the interpreter has none.
func needsNumpy(t *testing.T) {
	t.Helper()
	pythontest.With(t, func(tok gil.Token) {
		o, err := pythontest.Runtime().Import(tok, "numpy")
		if err != nil {
			t.Skip("no numpy")
		}
		o.Release()
	})
}

// renamed is a payload with another spelling of numpy's modules: numpy 2 moved them.
func renamed(p handler.Payload) handler.Payload {
	data := bytes.ReplaceAll(p.Data, []byte("cnumpy.core."), []byte("cnumpy._core."))
	for _, module := range []string{"multiarray", "numeric"} { // with its length before it
		one, other := "numpy.core."+module, "numpy._core."+module
		data = bytes.ReplaceAll(data, []byte(string(rune(len(one)))+one), []byte(string(rune(len(other)))+other))
	}
	return handler.Payload{Data: data}
}

// TestAllowedArrays: arrays and scalars of plain types need no entry, in numpy 1's spelling and in numpy 2's.
func TestAllowedArrays(t *testing.T) {
	needsNumpy(t)
	h := newHandler(t, handler.WithAllow())
	for _, expression := range numpyValues {
		for protocol := 2; protocol <= 5; protocol++ {
			same, err := letIn(t, h, expression, protocol)
			assert.NoError(t, err, "%s at protocol %d", expression, protocol)
			assert.True(t, same || err != nil, "%s at protocol %d", expression, protocol)
		}
	}
}

// TestAllowedArrays_writable: as numpy has it: of a bytearray it is, of bytes it is not.
func TestAllowedArrays_writable(t *testing.T) {
	needsNumpy(t)
	h := newHandler(t, handler.WithAllow("udfs:echo"))
	for _, size := range []string{"3", "100_000"} {
		for _, protocol := range []string{"2", "5"} {
			got, err := h.Deserialize(t.Context(), dumped(t, "numpy.arange("+size+")", protocol))
			require.NoError(t, err)
			assert.True(t, truth(t, "lambda a: a.flags.writeable and a.sum() >= 3", got), "%s %s", size, protocol)
			got.Release()
		}
	}
}

// dumped pickles an expression at a protocol.
func dumped(t *testing.T, expression, protocol string) (p handler.Payload) {
	t.Helper()
	pythontest.With(t, func(tok gil.Token) {
		o := pythontest.Define(t, tok, letin+"try:\n    import numpy\nexcept ImportError: pass\npickled = pickle.dumps("+expression+", "+protocol+")", "pickled")
		defer o.Release()
		var err error
		p.Data, err = pybridge.As[[]byte](tok, o)
		require.NoError(t, err)
	})
	return p
}

// truth calls a function of an object and says whether what it returns is true.
func truth(t *testing.T, function string, args ...any) (is bool) {
	t.Helper()
	pythontest.With(t, func(tok gil.Token) {
		f := pythontest.Define(t, tok, letin+"f = "+function, "f")
		defer f.Release()
		o, err := f.Call(tok, args...)
		require.NoError(t, err)
		defer o.Release()
		is, err = o.Truth(tok)
		require.NoError(t, err)
	})
	return is
}

// TestAllowedArrays_numpy2: numpy 2's names stand for the same.
func TestAllowedArrays_numpy2(t *testing.T) {
	needsNumpy(t)
	h := newHandler(t, handler.WithAllow())
	for _, expression := range []string{"numpy.arange(5)", "numpy.float64(2)"} {
		for _, protocol := range []string{"2", "4", "5"} {
			p := dumped(t, expression, protocol)
			if protocol != "2" { // the frame's length stays right only without a frame
				p.Data = unframed(p.Data)
			}
			got, err := h.Deserialize(t.Context(), renamed(p))
			require.NoError(t, err, "%s at protocol %s", expression, protocol)
			assert.True(t, truth(t, "lambda got, data: same(pickle.loads(data), got)", got, p.Data))
			got.Release()
		}
	}
}

// unframed leaves out the frame of a small pickle.
func unframed(data []byte) []byte { return append(append([]byte{}, data[:2]...), data[11:]...) }

// TestRefusedArrays: of objects, and with fields.
func TestRefusedArrays(t *testing.T) {
	needsNumpy(t)
	h := newHandler(t, handler.WithAllow())
	for _, expression := range []string{"numpy.array([None])", "numpy.array([1], object)", "numpy.zeros(2, 'i4,f4')", "numpy.dtype('O')", "numpy.matrix([1])", "numpy.ma.array([1], mask=[True])", "numpy.sum", "numpy.float64", "numpy.zeros(2, 'i4,f4')[0]"} {
		for _, protocol := range []string{"2", "3", "4", "5"} {
			_, err := h.Deserialize(t.Context(), dumped(t, expression, protocol))
			assert.ErrorIs(t, err, handler.DeserializeError, "%s at protocol %s", expression, protocol)
			assert.NotErrorIs(t, err, pybridge.TypeError, "%s at protocol %s: in Go", expression, protocol)
		}
	}
}
