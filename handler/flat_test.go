package handler_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/handler"
	"github.com/gopyrpc/gopyrpc/handler/wire"
	"github.com/gopyrpc/gopyrpc/internal/pythontest"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// tensors evaluates an expression for a list of tensors; m is testdata/tensors.py.
func tensors(t testing.TB, expression string) (list *pybridge.Object) {
	t.Helper()
	pythontest.With(t, func(tok gil.Token) {
		list = pythontest.Define(t, tok, "import torch, tensors as m\nvalue = ("+expression+")", "value")
	})
	return list
}

// payload is a payload with data and the tensors of a list.
func payload(t testing.TB, data string, list *pybridge.Object) handler.Payload {
	t.Helper()
	p := handler.Payload{Data: []byte(data)}
	pythontest.With(t, func(tok gil.Token) {
		require.NoError(t, list.Iterate(tok, func(item *pybridge.Object) error {
			p.Tensors = append(p.Tensors, handler.NewTensor(item))
			return nil
		}))
	})
	t.Cleanup(p.Release)
	return p
}

func flatten(t testing.TB, h *handler.Handler, p handler.Payload) []byte {
	t.Helper()
	flat, err := h.Flatten(t.Context(), p)
	require.NoError(t, err, "%+v", err)
	defer flat.Release()
	var b bytes.Buffer
	n, err := flat.WriteTo(&b)
	require.NoError(t, err)
	assert.Equal(t, int64(b.Len()), n)
	assert.Equal(t, n, flat.Len())
	return b.Bytes()
}

func unflatten(t testing.TB, h *handler.Handler, b []byte) handler.Payload {
	t.Helper()
	p, err := h.Unflatten(t.Context(), bytes.NewReader(b), wire.Limits{})
	require.NoError(t, err, "%+v", err)
	t.Cleanup(p.Release)
	return p
}

// list makes a Python list of a payload's tensors.
func list(t testing.TB, p handler.Payload) (o *pybridge.Object) {
	t.Helper()
	items := []any{}
	for _, tensor := range p.Tensors {
		items = append(items, tensor.Object())
	}
	pythontest.With(t, func(tok gil.Token) {
		var err error
		o, err = pybridge.ToPython(tok, items)
		require.NoError(t, err)
		t.Cleanup(o.Release)
	})
	return o
}

// about calls a function of testdata/tensors.py.
func about[T any](t testing.TB, name string, args ...any) (v T) {
	t.Helper()
	f := tensors(t, "m."+name)
	pythontest.With(t, func(tok gil.Token) {
		result, err := f.Call(tok, args...)
		require.NoError(t, err, "%+v", err)
		defer result.Release()
		v, err = pybridge.As[T](tok, result)
		require.NoError(t, err)
	})
	return v
}

func names() (all []string) {
	for i := range 256 {
		if d := wire.DType(i); d.Size() > 0 {
			all = append(all, d.String())
		}
	}
	return all
}

// TestFlatWithoutTensors is head and pickle, and Python is not entered.
func TestFlatWithoutTensors(t *testing.T) {
	h := newHandler(t)
	before := calls()
	for _, data := range []string{"", "pickle", string(make([]byte, 1<<20))} {
		b := flatten(t, h, handler.Payload{Data: []byte(data)})
		assert.Len(t, b, 32+len(data))
		assert.Equal(t, data, string(b[32:]))
		p := unflatten(t, h, b)
		assert.Equal(t, data, string(p.Data))
		assert.Empty(t, p.Tensors)
	}
	assert.Equal(t, before, calls())
}

func TestFlatTensorsOfEveryType(t *testing.T) {
	h := torchHandler(t)
	for _, expression := range []string{
		fmt.Sprintf("m.every(%q.split())", strings.Join(names(), " ")),
		"[torch.ones(2, requires_grad=True), (torch.ones(3, requires_grad=True) * 2).detach()]",
		"[torch.tensor([1 + 2j]).conj(), torch.tensor([1 + 2j]).conj().imag]",
		"[torch.arange(1000.)[900:], torch.zeros(64, 64).t()[3:, ::5]]",
		"[torch.ones([1] * 64), torch.tensor(5)]",
	} {
		sent := tensors(t, expression)
		p := payload(t, "data", sent)
		b := flatten(t, h, p)
		got := unflatten(t, h, b)
		assert.Equal(t, "data", string(got.Data))
		resolved := tensors(t, "lambda l: [t.resolve_conj().resolve_neg() for t in l]")
		var plain *pybridge.Object
		pythontest.With(t, func(tok gil.Token) {
			var err error
			plain, err = resolved.Call(tok, sent)
			require.NoError(t, err)
			t.Cleanup(plain.Release)
		})
		assert.Empty(t, about[string](t, "same", plain, list(t, got)), expression)
		assert.Equal(t, about[[]int](t, "groups", plain), about[[]int](t, "groups", list(t, got)), expression)
		assert.Equal(t, b, flatten(t, h, got), "the same again, byte for byte: %s", expression)
	}
}

// TestFlatIsTheTensorsMemory, also of what is not contiguous, and of each storage only what is shown.
func TestFlatIsTheTensorsMemory(t *testing.T) {
	h := torchHandler(t)
	p := payload(t, "data", tensors(t, "[l[0][16:], l[0][20:24], l[1].t()] if [l := (torch.arange(100_000), torch.ones(300, 200))] else 0"))
	flat, err := h.Flatten(t.Context(), p)
	require.NoError(t, err)
	defer flat.Release()
	segments := flat.Segments()
	require.Len(t, segments, 4, "head, pickle, two storages")
	assert.Same(t, unsafe.SliceData(p.Data), unsafe.SliceData(segments[1]))
	for i, segment := range segments[2:] {
		o := p.Tensors[2*i].Object()
		address := as[int64](t, method(t, o, "data_ptr"))
		assert.Equal(t, uintptr(address), uintptr(unsafe.Pointer(unsafe.SliceData(segment))))
		n := as[int](t, method(t, o, "numel"))
		s := as[int](t, method(t, o, "element_size"))
		assert.Len(t, segment, n*s)
	}
	method(t, p.Tensors[0].Object(), "fill_", -1)
	assert.Equal(t, bytes.Repeat([]byte{0xff}, 800), segments[2][:800])
}

// TestFlatReleases: the memory stays for as long as the Flat does, and no longer.
func TestFlatReleases(t *testing.T) {
	h := torchHandler(t)
	sent := tensors(t, "[m.watched('w', 1000)]")
	p := payload(t, "", sent)
	sent.Release()
	owned := pybridge.Owned()
	flat, err := h.Flatten(t.Context(), p)
	require.NoError(t, err)
	assert.Equal(t, owned+1, pybridge.Owned())
	segment := flat.Segments()[1]
	p.Release()
	_, err = h.Flatten(t.Context(), p)
	require.ErrorIs(t, err, pybridge.ErrReleased)
	assert.True(t, about[bool](t, "alive", "w"))
	assert.Equal(t, []byte{0, 0, 0x80, 0x3f}, segment[:4])
	flat.Release()
	flat.Release()
	assert.Empty(t, flat.Segments())
	assert.False(t, about[bool](t, "alive", "w"))
}

// TestFlattenGILHeld: it gives what Flatten does.
func TestFlattenGILHeld(t *testing.T) {
	h := torchHandler(t)
	p := payload(t, "pickle", tensors(t, "[torch.arange(5), torch.ones(2, 2)]"))
	want, err := h.Flatten(t.Context(), p)
	require.NoError(t, err)
	defer want.Release()
	pythontest.With(t, func(tok gil.Token) {
		got, err := h.FlattenGILHeld(tok, p)
		require.NoError(t, err)
		defer got.Release()
		assert.Equal(t, want.Segments(), got.Segments())
		none, err := h.FlattenGILHeld(tok, handler.Payload{Data: []byte("pickle")})
		require.NoError(t, err)
		defer none.Release()
		assert.Equal(t, "pickle", string(none.Segments()[1]))
		_, err = h.FlattenGILHeld(tok, handler.Payload{Tensors: []handler.Tensor{handler.NewTensor(pythontest.Eval(t, tok, "1"))}})
		assert.ErrorContains(t, err, "flatten: ")
		assert.ErrorContains(t, err, "tensor 0 of the table is a builtins.int")
	})
}

func TestFlatRefuses(t *testing.T) {
	h := torchHandler(t)
	refused := map[string]string{
		"tensor 1 of the table: cannot send a meta tensor":         "torch.ones(2).to('meta')",
		"is of layout torch.sparse_coo":                            "torch.ones(2).to_sparse()",
		"is quantised":                                             "torch.quantize_per_tensor(torch.ones(2), 1.0, 0, torch.qint8)",
		"is a tensors.Sub, not a torch.Tensor":                     "torch.ones(2).as_subclass(m.Sub)",
		"is a builtins.int, not a torch.Tensor":                    "5",
		"is a torch.nn.parameter.Parameter, not":                   "torch.nn.Parameter(torch.ones(2))",
		"tensor 1: 65 dimensions, at most 64 are possible":         "torch.ones([1] * 65)",
		"tensor 1 of the table: cannot send an MKL-DNN tensor: it": "torch.ones(2).to_mkldnn()",
	}
	if about[bool](t, "has_names") {
		refused["has names"] = "torch.ones(2, names=['n'])"
	}
	for text, expression := range refused {
		_, err := h.Flatten(t.Context(), payload(t, "", tensors(t, "[torch.ones(1), "+expression+"]")))
		assert.ErrorContains(t, err, text, expression)
	}
}

// TestFlatTrip: a call goes from one handler to another through a pipe, and its result back.
func TestFlatTrip(t *testing.T) {
	h := torchHandler(t)
	for _, newOne := range []func() *handler.Handler{
		func() *handler.Handler { return newHandler(t) },
		func() *handler.Handler { return newHandler(t, handler.WithModule(handler.TorchModule)) },
	} {
		a, b := newOne(), newOne()
		const call = "__import__('tensors').scaled, ([t, t[1:3], torch.zeros(3, 2).t()], 5), {}"
		request := torchPayload(t, h, "(lambda t: ("+call+"))(torch.ones(1000))")
		if a.Module() != h.Module() {
			request = pickled(t, a, "(lambda torch, t: ("+call+"))(__import__('torch'), __import__('torch').ones(1000))")
		}
		arrived := overPipe(t, a, b, request)
		reply, err := b.RunUDF(t.Context(), arrived)
		require.NoError(t, err, "%+v", err)
		defer reply.Release()
		result, err := a.Deserialize(t.Context(), overPipe(t, b, a, reply))
		require.NoError(t, err)
		defer result.Release()
		require.NoError(t, a.HandleException(t.Context(), result))
		want := tensors(t, "(lambda t: [t, t[1:3], torch.zeros(3, 2).t()])(torch.full((1000,), 5.))")
		assert.Empty(t, about[string](t, "same", want, result), a.Module())
		assert.Equal(t, []int{0, 0, 2}, about[[]int](t, "groups", result), a.Module())
		assert.Equal(t, []float64{1}, as[[]float64](t, method(t, method(t, request.Tensors[0].Object(), "unique"), "tolist")),
			"what was sent is not changed by the callee")
	}
}

func overPipe(t *testing.T, from, to *handler.Handler, p handler.Payload) handler.Payload {
	t.Helper()
	w, r := net.Pipe()
	sent := make(chan error, 1)
	go func() {
		defer w.Close()
		flat, err := from.Flatten(t.Context(), p)
		if err == nil {
			defer flat.Release()
			_, err = flat.WriteTo(w)
		}
		sent <- err
	}()
	got, err := to.Unflatten(t.Context(), r, wire.Limits{})
	require.NoError(t, err, "%+v", err)
	require.NoError(t, <-sent)
	t.Cleanup(got.Release)
	_, err = to.Unflatten(t.Context(), r, wire.Limits{})
	require.ErrorIs(t, err, io.EOF, "nothing is left")
	return got
}
