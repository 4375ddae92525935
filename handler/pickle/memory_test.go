package pickle_test

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/handler/pickle"
	"github.com/gopyrpc/gopyrpc/internal/interpreters"
)

// What objects are estimated to take is no less than what they do, and not several times as much.
func TestMemoryIsEstimated(t *testing.T) {
	many := func(n int, one func(i int) string) string {
		var b strings.Builder
		for i := range n {
			b.WriteString(one(i))
		}
		return b.String()
	}
	each := func(one string) string { return "](" + strings.Repeat(one, 20_000) + "e" }
	short := func(i int) string { return "J" + string(binary.LittleEndian.AppendUint32(nil, uint32(i+1000))) }
	bodies := map[string]string{
		"lists": each("]"), "dicts": each("}"), "sets": each("\x8f"), "floats": each("G12345678"), "ints": each("J1234"),
		"large ints": each("\x8a\x64" + strings.Repeat("\x77", 100)), "text": each("\x8c\x20" + strings.Repeat("a", 32)),
		"latin text": each("\x8c\x40" + strings.Repeat("é", 32)), "wide text": each("\x8c\x23" + strings.Repeat("a", 31) + "😀"),
		"two-byte text": each("\x8c\x21" + strings.Repeat("a", 30) + "€"), "bytes": each("C\x21" + strings.Repeat("a", 33)),
		"bytearrays": each("\x96\x03\x00\x00\x00\x00\x00\x00\x00abc"), "tuples": each("NN\x86"), "long tuples": each("(NNNNNNNNNNt"),
		"lists of one": each("]Na"), "lists of five": each("](NNNNNe"), "dicts of one": each("}K\x01Ns"),
		"dicts of six": each("}(" + many(6, func(i int) string { return "K" + string([]byte{byte(i)}) + "N" }) + "u"),
		"sets of one":  each("\x8f(K\x01\x90"), "sets of six": each("\x8f(K\x01K\x02K\x03K\x04K\x05K\x06\x90"),
		"frozensets": each("(K\x01K\x02K\x03K\x04K\x05K\x06\x91"),
	}
	for _, n := range []int{1000, 1366, 21_846, 30_000} {
		bodies[fmt.Sprintf("dict of %d", n)] = "}(" + many(n, func(i int) string { return short(i) + "N" }) + "u"
		bodies[fmt.Sprintf("set of %d", n)] = "\x8f(" + many(n, short) + "\x90"
		bodies[fmt.Sprintf("list of %d", n)] = "](" + many(n, func(int) string { return "N" }) + "e"
	}
	interpreters.Each(t, func(t *testing.T, python interpreters.Interpreter) {
		p := newPeer(t, python)
		for name, body := range bodies {
			data := []byte("\x80\x05" + body + ".")
			taken, err := strconv.Atoi(string(p.ask(t, 'm', data)))
			require.NoError(t, err)
			_, err = pickle.Read([][]byte{data}, pickle.Limits{Memory: int64(taken) - 1})
			assert.ErrorContains(t, err, "the objects of a pickle take", name)
			_, err = pickle.Read([][]byte{data}, pickle.Limits{Memory: 4*int64(taken) + 1000})
			assert.NoError(t, err, name)
		}
	})
}
