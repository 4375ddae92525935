package policy_test

import (
	"encoding/binary"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/handler/pickle"
	"github.com/gopyrpc/gopyrpc/handler/policy"
)

// record is a reply of a RemoteException, whose fields are opcodes.
func record(errors string) [][]byte {
	return [][]byte{[]byte("\x80\x03cgopyrpc.internal\n_remote_exception\n}(" + text("worker") + text("w") + text("errors") + errors + text("truncated") + "\x89u\x85R.")}
}

func exception(fields string) string {
	return "}(" + text("module") + text("m") + text("qualname") + text("E") + text("text") + text("t") + fields + "u"
}

// TestTextsOfRecordsAreCounted: what stands in several places is shown in each.
func TestTextsOfRecordsAreCounted(t *testing.T) {
	size := func(n int) string { return string(binary.LittleEndian.AppendUint32(nil, uint32(n))) }
	long := "X" + size(1<<20) + strings.Repeat("a", 1<<20)
	frame := "(" + text("f") + "K\x01" + text("g") + text("s") + "tq\x00"
	notes := func(many int) string {
		return text("notes") + "](" + long + "q\x00" + strings.Repeat("h\x00", many-1) + "e"
	}
	for name, c := range map[string]struct {
		errors string
		good   bool
	}{
		"notes":                   {"](" + exception(notes(10)) + "e", true},
		"too many notes":          {"](" + exception(notes(100)) + "e", false},
		"one exception again":     {"](" + exception(notes(2)) + "q\x01" + strings.Repeat("h\x01", 9) + "e", true},
		"it again and again":      {"](" + exception(notes(2)) + "q\x01" + strings.Repeat("h\x01", 80) + "e", false},
		"frames":                  {"](" + exception(text("frames")+"]("+frame+strings.Repeat("h\x00", 99)+"e") + "e", true},
		"too many frames":         {"](" + exception(text("frames")+"]("+frame+strings.Repeat("h\x00", 100)+"e") + "e", false},
		"a chain of long texts":   {"](" + strings.Repeat(exception(text("notes")+"]"+long+"a"), 90) + "e", true},
		"short notes of all of 9": {"](" + exception(text("notes")+"]("+text("a")+"q\x00"+strings.Repeat("h\x00", 999)+"e") + "q\x01" + strings.Repeat("h\x01", 9) + "e", true},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := newPolicy(t).Reply(record(c.errors))
			if c.good {
				require.NoError(t, err)
				return
			}
			var refusal *policy.Refusal
			require.ErrorAs(t, err, &refusal)
			assert.Equal(t, "gopyrpc.internal:_remote_exception", refusal.Name)
		})
	}
}

// TestPicklesOfRecordsAreReadOnce: one that many exceptions have, or exceptions of exceptions, stands beside the
// canonical pickle once.
func TestPicklesOfRecordsAreReadOnce(t *testing.T) {
	size := func(n int) string { return string(binary.LittleEndian.AppendUint32(nil, uint32(n))) }
	bytesOf := func(data string) string { return "B" + size(len(data)) + data }
	errors := func(args string) string {
		return "](" + exception(text("args")+args) + "q\x00" + strings.Repeat("h\x00", 29) + "e"
	}
	leaf := bytesOf("\x80\x03" + bytesOf(strings.Repeat("a", pickle.LargeData)) + "\x85.")
	inner := string(record(errors(leaf))[0])
	out, err := newPolicy(t).Reply(record(errors(bytesOf("\x80\x03" + strings.TrimSuffix(inner[2:], ".") + "\x85."))))
	require.NoError(t, err)
	large := 0
	for _, b := range out.Buffers {
		if b.Given == nil {
			large++
		}
	}
	assert.Equal(t, 1, large)
	assert.Less(t, len(out.Pickle), 20_000)
}
