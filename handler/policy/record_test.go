package policy_test

import (
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestRecordsHaveNoRRefs: pickle writes none into the arguments of an exception, and one there would be taken when the
// exception is raised, from whomever it came.
func TestRecordsHaveNoRRefs(t *testing.T) {
	reference := reduce("gopyrpc.internal", "_receive_rref", "C\x01x")
	for field, inner := range map[string]string{"args": tuple(reference), "state": dict(text("rref"), reference)} {
		nested := "\x80\x03" + inner + "."
		nested = "B" + string(binary.LittleEndian.AppendUint32(nil, uint32(len(nested)))) + nested
		out, err := newPolicy(t).Reply(record("](" + exception(text(field)+nested) + "e"))
		require.NoError(t, err)
		assert.Equal(t, []string{"gopyrpc.restricted:record", "gopyrpc.restricted:refused"}, givens(out), field)
		assert.Contains(t, string(out.Pickle), "gopyrpc.internal:_receive_rref", field)
	}
	_, err := newPolicy(t).Reply([][]byte{[]byte("\x80\x03" + reference + ".")})
	require.NoError(t, err)
}
