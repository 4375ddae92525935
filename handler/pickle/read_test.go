package pickle_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/handler/pickle"
)

func read(t testing.TB, data string) *pickle.Node {
	t.Helper()
	n, err := pickle.Read([][]byte{[]byte(data)}, pickle.Limits{})
	require.NoError(t, err)
	return n
}

func TestATupleThatHoldsItselfIsReadAndWritten(t *testing.T) {
	tree := read(t, "\x80\x04]\x94h\x00\x85\x94a0h\x01."[:4]+"h\x00\x85\x94a\x85.") // a list of a tuple of it
	require.Equal(t, pickle.Tuple, tree.Kind)
	list := tree.Items[0]
	assert.Same(t, list, list.Items[0].Items[0])

	out, err := pickle.Write(tree)
	require.NoError(t, err)
	again := read(t, string(out.Pickle))
	assert.Same(t, again.Items[0], again.Items[0].Items[0].Items[0])
}
