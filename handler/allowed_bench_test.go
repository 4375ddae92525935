package handler_test

import (
	"context"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/handler"
	"github.com/gopyrpc/gopyrpc/internal/pythontest"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// BenchmarkAllowed is what a call costs under an allow-list and without one, in processor time of the process and in
// page faults, too: on a busy machine the time of a call says little.
func BenchmarkAllowed(b *testing.B) {
	for _, argument := range []struct{ name, source string }{
		{"small", "value = 1"}, {"bytes", "value = bytes(1 << 20)"}, {"array", "import numpy\nvalue = numpy.ones(1 << 17)"},
	} {
		b.Run(argument.name+"/plain", func(b *testing.B) { benchmarkAllowed(b, argument.source) })
		b.Run(argument.name+"/allowed", func(b *testing.B) {
			benchmarkAllowed(b, argument.source, handler.WithAllow("_operator"))
		})
	}
}

func benchmarkAllowed(b *testing.B, source string, opts ...handler.Option) {
	ctx, rt := context.Background(), pythontest.Runtime()
	h, err := handler.New(ctx, rt, opts...)
	require.NoError(b, err)
	defer func() { require.NoError(b, h.Cleanup(ctx)) }()
	var udf *pybridge.Object
	pythontest.With(b, func(t gil.Token) {
		value := pythontest.Define(b, t, source, "value")
		is := pythontest.Define(b, t, "from operator import is_not", "is_not")
		internal, err := rt.Import(t, "gopyrpc.internal")
		require.NoError(b, err)
		defer internal.Release()
		udf, err = internal.CallMethod(t, "PythonUDF", is, pybridge.Tuple{value, nil}, pybridge.Dict{})
		require.NoError(b, err)
	})
	defer udf.Release()
	p, err := h.Serialize(ctx, udf)
	require.NoError(b, err)
	b.ReportAllocs()
	var before, after syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &before))
	for b.Loop() {
		if _, err := h.RunUDF(ctx, p); err != nil {
			b.Fatal(err)
		}
	}
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &after))
	spent := after.Utime.Nano() + after.Stime.Nano() - before.Utime.Nano() - before.Stime.Nano()
	b.ReportMetric(float64(spent)/float64(b.N), "cpu-ns/op")
	b.ReportMetric(float64(after.Minflt-before.Minflt)/float64(b.N), "faults/op")
}
