package handler_test

import (
	"context"
	"testing"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/handler"
	"github.com/gopyrpc/gopyrpc/internal/pythontest"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// BenchmarkRunUDF: with a context that can end, the call is made on another goroutine, so that its caller
// can leave.
func BenchmarkRunUDF(b *testing.B) {
	b.Run("endless", func(b *testing.B) { benchmarkRunUDF(b, context.Background()) })
	b.Run("cancellable", func(b *testing.B) { benchmarkRunUDF(b, b.Context()) })
	b.Run("staying", func(b *testing.B) { benchmarkRunUDF(b, gil.WaitForCompletion(b.Context())) })
}

func benchmarkRunUDF(b *testing.B, ctx context.Context) {
	rt := pythontest.Runtime()
	h, err := handler.New(ctx, rt)
	if err != nil {
		b.Fatal(err)
	}
	defer h.Cleanup(ctx)
	var udf *pybridge.Object
	gil.With(ctx, func(t gil.Token) error {
		op, _ := rt.Import(t, "operator")
		defer op.Release()
		add, _ := op.Attr(t, "add")
		defer add.Release()
		in, _ := rt.Import(t, "gopyrpc.internal")
		defer in.Release()
		udf, err = in.CallMethod(t, "PythonUDF", add, pybridge.Tuple{1, 2}, pybridge.Dict{})
		return err
	})
	defer udf.Release()
	p, err := h.Serialize(ctx, udf)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := h.RunUDF(ctx, p); err != nil {
			b.Fatal(err)
		}
	}
}
