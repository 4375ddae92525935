package pickle_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/handler/pickle"
)

// TestWrite_given: what is handed over stands beside the pickle, once for all its places, in order with large bytes.
func TestWrite_given(t *testing.T) {
	f := &pickle.Node{Kind: pickle.Given, Text: "f"}
	large := pickle.NewBytes(make([]byte, pickle.LargeData))
	out, err := pickle.Write(pickle.NewTuple(pickle.NewReduce(f), large, pickle.NewReduce(f)))
	require.NoError(t, err)
	require.Len(t, out.Buffers, 2)
	assert.Same(t, f, out.Buffers[0].Given)
	assert.Nil(t, out.Buffers[1].Given)
	assert.Equal(t, "\x80\x05\x95\x0b\x00\x00\x00\x00\x00\x00\x00\x97\x94)R\x97h\x00)R\x87.", string(out.Pickle))
}
