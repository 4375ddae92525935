package handler_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/handler"
	"github.com/gopyrpc/gopyrpc/internal/pythontest"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// needTorch skips the test where this Python has no torch. It is found without being imported: that
// is for handler.New, which does it on the owner's thread.
func needTorch(t testing.TB) {
	t.Helper()
	pythontest.NeedsModule(t, "torch")
}

func torchHandler(t *testing.T) *handler.Handler {
	t.Helper()
	needTorch(t)
	h := newHandler(t, handler.WithModule(handler.TorchModule))
	assert.Equal(t, handler.TorchModule, h.Module())
	return h
}

func torchPayload(t *testing.T, h *handler.Handler, call string) handler.Payload {
	t.Helper()
	return pickled(t, h, "(lambda torch: ("+call+"))(__import__('torch'))")
}

// tensorText runs a call and gives the repr of what it returned.
func tensorText(t *testing.T, h *handler.Handler, call string) string {
	t.Helper()
	result := run(t, h, torchPayload(t, h, call))
	require.NoError(t, h.HandleException(t.Context(), result))
	return as[string](t, method(t, result, "__repr__"))
}

func method(t *testing.T, o *pybridge.Object, name string, args ...any) (result *pybridge.Object) {
	t.Helper()
	pythontest.With(t, func(tok gil.Token) {
		var err error
		result, err = o.CallMethod(tok, name, args...)
		require.NoError(t, err, "%+v", err)
		t.Cleanup(result.Release)
	})
	return result
}

func TestTorchCalls(t *testing.T) {
	h := torchHandler(t)
	for _, c := range []struct{ call, want string }{
		{"math.hypot, (3, 4), {}", "5.0"},
		{"u.greet, ('w\u00f6rld',), {}", "'Hello, w\u00f6rld'"},
		{"torch.add, (torch.ones(2), torch.ones(2)), {}", "tensor([2., 2.])"},
		{"u.echo, ({'a': torch.arange(3), 'b': [torch.tensor(1.5)]},), {}", "{'a': tensor([0, 1, 2]), 'b': [tensor(1.5000)]}"},
		{"u.echo, (torch.ones(2, 3).t(),), {}", "tensor([[1., 1.],\n        [1., 1.],\n        [1., 1.]])"},
	} {
		assert.Equal(t, c.want, tensorText(t, h, c.call), c.call)
	}
}

// TestTorchTensorsTravelInTheTable, beside the pickle, both ways, and are the same memory here.
func TestTorchTensorsTravelInTheTable(t *testing.T) {
	h := torchHandler(t)
	for _, h := range []*handler.Handler{h, newHandler(t)} {
		p := torchPayload(t, h, "u.echo, ([torch.ones(100_000), torch.zeros(3)],), {}")
		require.Len(t, p.Tensors, 2, h.Module())
		assert.Less(t, len(p.Data), 1000, h.Module())
		out, err := h.RunUDF(t.Context(), p)
		require.NoError(t, err)
		defer out.Release()
		require.Len(t, out.Tensors, 2, h.Module())
		assert.Less(t, len(out.Data), 1000, h.Module())
		sent := as[int64](t, method(t, p.Tensors[0].Object(), "data_ptr"))
		got := as[int64](t, method(t, out.Tensors[0].Object(), "data_ptr"))
		assert.Equal(t, sent, got, h.Module())
	}
}

// TestTorchShortTable: the payload refers to a tensor that did not come with it.
func TestTorchShortTable(t *testing.T) {
	h := torchHandler(t)
	for _, h := range []*handler.Handler{h, newHandler(t)} {
		p := torchPayload(t, h, "u.echo, (torch.ones(1), torch.ones(2)), {}")
		_, err := h.RunUDF(t.Context(), handler.Payload{Data: p.Data, Tensors: p.Tensors[:1]})
		require.ErrorIs(t, err, handler.DeserializeError, h.Module())
		require.ErrorIs(t, err, pybridge.IndexError, h.Module())
		_, err = h.RunUDF(t.Context(), handler.Payload{Data: p.Data})
		require.ErrorIs(t, err, handler.DeserializeError, h.Module())
	}
}

func TestTorchReleasedTensorIsRefused(t *testing.T) {
	h := torchHandler(t)
	p := torchPayload(t, h, "u.echo, (torch.ones(1),), {}")
	p.Release()
	_, err := h.RunUDF(t.Context(), p)
	require.ErrorIs(t, err, pybridge.ErrReleased)
	assert.NotErrorIs(t, err, handler.ErrClosed, "the tensor was released, not the handler")
}

// TestTorchExceptions has what torch garbles, loses or misreports (rows 29 to 53 of the inventory).
func TestTorchExceptions(t *testing.T) {
	h := torchHandler(t)
	for _, c := range []struct {
		call  string
		class pybridge.Class
		text  string
	}{
		{"u.raise_, (KeyError('k'),), {}", pybridge.KeyError, `KeyError(\'k\')`},
		{"u.raise_, (ValueError('plain'),), {}", pybridge.ValueError, "plain"},
		{`u.raise_, (ValueError('w\xf6rld'),), {}`, pybridge.ValueError, "w\u00f6rld"},
		{`u.raise_, (ValueError('C:\\users\\x'),), {}`, pybridge.ValueError, `ValueError: C:\users\x`},
		{`u.raise_, (ValueError('a\0b'),), {}`, pybridge.ValueError, "ValueError: a\x00b"},
		{`u.raise_, (ValueError('a\ud800b'),), {}`, pybridge.ValueError, "ValueError: a\xed\xa0\x80b"},
		{"u.refuse, (42,), {}", pybridge.Class("gopyrpc.internal.RemoteError"), "refused with 42"},
		{"u.leave, (3,), {}", pybridge.RuntimeError, "SystemExit"},
		{"u.interrupt, (), {}", pybridge.RuntimeError, "KeyboardInterrupt"},
		{"torch.mm, (torch.ones(2, 3), torch.ones(2, 3)), {}", pybridge.RuntimeError, "shapes"},
		{"u.greet, (), {}", pybridge.TypeError, "missing 1 required"},
	} {
		result := run(t, h, torchPayload(t, h, c.call))
		is, err := h.IsRemoteException(t.Context(), result)
		require.NoError(t, err)
		assert.True(t, is, c.call)
		err = h.HandleException(t.Context(), result)
		require.ErrorIs(t, err, c.class, c.call)
		assert.NotErrorIs(t, err, pybridge.UnicodeError, c.call)
		assert.ErrorContains(t, err, c.text, c.call)
	}
}

// TestTorchFailuresAreErrors: torch returns some of these as values (rows 48, 49, 69 to 76).
func TestTorchFailuresAreErrors(t *testing.T) {
	h := torchHandler(t)
	for _, data := range []string{
		"", "\x00garbage", "hello", "\x80\x09.", "cudfs\nnot_there\n.", "cnot_there\nx\n.",
		"cudfs\nCounter\n(tR.", string(claiming(0x8e, 1<<30)),
	} {
		out, err := h.RunUDF(t.Context(), handler.Payload{Data: []byte(data)})
		require.ErrorIs(t, err, handler.DeserializeError, "%q", data)
		assert.Empty(t, out, "%q", data)
		_, err = h.Deserialize(t.Context(), handler.Payload{Data: []byte(data)})
		assert.ErrorIs(t, err, handler.DeserializeError, "%q", data)
	}
	_, err := h.RunUDF(t.Context(), torchPayload(t, h, "u.generator, (), {}"))
	require.ErrorIs(t, err, handler.SerializeError)
	for _, data := range []string{"I5\n.", "N.", "(I1\nI2\nt."} {
		err := h.HandleException(t.Context(), run(t, h, handler.Payload{Data: []byte(data)}))
		assert.ErrorIs(t, err, pybridge.AttributeError, "%q", data)
	}
}

// TestTorchAttributeErrorIsAValue when a UDF returns one, and not taken for a failed load.
func TestTorchAttributeErrorIsAValue(t *testing.T) {
	h := torchHandler(t)
	assert.Equal(t, "AttributeError('mine')", tensorText(t, h, "u.echo, (AttributeError('mine'),), {}"))
}

// TestTorchTensorsThatCannotTravel are refused by our module, where torch sends wrong values or ends
// the process (rows 99 to 101).
func TestTorchTensorsThatCannotTravel(t *testing.T) {
	torchHandler(t)
	h := newHandler(t)
	assert.Equal(t, "tensor([1.-2.j])", tensorText(t, h, "u.echo, (torch.tensor([1 + 2j]).conj(),), {}"))
	_, err := h.Serialize(t.Context(), object(t, "__import__('torch').ones(2).to('meta')"))
	require.ErrorIs(t, err, handler.SerializeError)
	assert.ErrorContains(t, err, "meta tensor")
}

// TestTorchFailedCallsLeaveNothing: references to tensors of calls that failed are dropped.
func TestTorchFailedCallsLeaveNothing(t *testing.T) {
	h := torchHandler(t)
	for _, h := range []*handler.Handler{h, newHandler(t)} {
		before := pybridge.Owned()
		p := torchPayload(t, h, "u.raise_, (KeyError(1),), {}")
		for range 3 {
			run(t, h, p)
			out, err := h.RunUDF(t.Context(), torchPayload(t, h, "u.weakly, (torch.ones(5),), {}"))
			require.ErrorIs(t, err, handler.SerializeError)
			out.Release()
		}
		assert.Greater(t, pybridge.Owned(), before, "the test's own, until it ends")
		assert.Equal(t, int64(0), returned[int64](t, h, "(u.alive, (), {})"), h.Module())
	}
}
