package handler_test

import (
	"bytes"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/gopyrpc/gopyrpc/handler"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// torchHead is the beginning of a pickle that leaves PythonUDF and udfs.greet on the stack, and in the memo as 0 and
// 1; 2 is what takes a tensor from the table. torch's module has no allow-list, so this is all that can be called.
const torchHead = "\x80\x02c__builtin__\ngetattr\n(ctorch.distributed.rpc.internal\n_InternalRPCPickler\n" +
	"X\x10\x00\x00\x00_tensor_receivertRq\x020ctorch.distributed.rpc.internal\nPythonUDF\nq\x00cudfs\ngreet\nq\x01"

// FuzzRunUDFTorch runs pickles with an arbitrary end, and tables of tensors, through torch's own module. Whatever
// they are, the process lives on, the call has a result or is refused, and the next call has its result.
func FuzzRunUDFTorch(f *testing.F) {
	needTorch(f)
	h := newHandler(f, handler.WithModule(handler.TorchModule))
	for _, end := range []string{
		"X\x03\x00\x00\x00you\x85}\x87R.", "h\x02K\x00\x85R\x85}\x87R.", "h\x02K\x01\x85R\x85}\x87R.", "h\x02K\x7f\x85R\x85}\x87R.",
		"h\x02J\xff\xff\xff\xff\x85R\x85}\x87R.", "h\x02h\x02\x85R\x85}\x87R.", "h\x02)R\x85}\x87R.", "h\x02\x85}\x87R.",
		"N}\x87R.", ")N\x87R.", "\x87R.", ".", "0.", "", "N.", "h\x02K\x00\x85R.", ")}\x87R2\x85.", "])}\x87\x81.",
	} {
		f.Add([]byte(end), 1)
	}
	table := pickled(f, h, "(u.greet, (__import__('torch').zeros(2, 2), __import__('torch').ones(1)), {})").Tensors
	p := pickled(f, h, "(u.greet, ('you',), {})")

	f.Fuzz(func(t *testing.T, end []byte, tensors int) {
		// No other names (GLOBAL, INST, STACK_GLOBAL, EXT), no state for the classes that all share (BUILD), and no memo
		// numbers of any size (PUT, LONG_BINPUT), for which CPython makes a memo of that size.
		if bytes.ContainsAny(end, "cibpr") || slices.ContainsFunc(end, func(b byte) bool { return b >= 0x82 && b <= 0x84 || b == 0x93 }) {
			return
		}
		data := slices.Concat([]byte(torchHead), end)
		out, err := h.RunUDF(t.Context(), handler.Payload{Data: data, Tensors: table[:min(max(tensors, 0), len(table))]})
		if err != nil {
			assert.ErrorAs(t, err, new(*pybridge.Error), "after %.300q", end)
		} else {
			readAsCaller(t, h, out)
		}
		out, err = h.RunUDF(t.Context(), p)
		assert.NoError(t, err, "the next call, after %.300q", end)
		out.Release()
	})
}
