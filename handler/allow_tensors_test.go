package handler_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/handler"
)

// TestAllowedTensors: of every kind that can be sent, whatever is listed; of a class of its own if that is.
func TestAllowedTensors(t *testing.T) {
	needTorch(t)
	plain, h := newHandler(t), newHandler(t, handler.WithAllow("udfs:echo", "value:torch_targets:Tagged", "torch_targets:make_self_pickled"))
	const targets = "__import__('sys').path.insert(0, '../python/gopyrpc_tests') or __import__('torch_targets')"
	call := "(u.echo, ([{n: m() for n, m in (" + targets + ").makers().items()}],), {})"
	p := pickled(t, plain, call)
	require.NotEmpty(t, p.Tensors)
	sent, err := h.RunUDF(t.Context(), p)
	require.NoError(t, err, "%+v", err)
	defer sent.Release()
	got, err := h.Deserialize(t.Context(), sent)
	require.NoError(t, err, "%+v", err)
	defer got.Release()
	want, err := plain.Deserialize(t.Context(), sent)
	require.NoError(t, err)
	defer want.Release()
	assert.True(t, truth(t, "lambda got, want: repr(got) == repr(want) and len(got[0]) > 20", got, want))
	_, err = newHandler(t, handler.WithAllow("udfs:echo")).RunUDF(t.Context(), p)
	assert.ErrorContains(t, err, "torch_targets:Tagged is not on the allow-list")
}
