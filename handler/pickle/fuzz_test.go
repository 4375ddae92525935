package pickle_test

import (
	"encoding/hex"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/handler/pickle"
	"github.com/gopyrpc/gopyrpc/internal/interpreters"
)

// FuzzRead reads arbitrary bytes, and pickles that were changed by who knows the format. Whatever they are, the reader
// comes to an end, and says of what it refuses where and why; what it takes is written, read again, and the same.
func FuzzRead(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, data, other, script []byte) {
		roundTrip(t, candidate(data, other, script))
	})
}

// FuzzAgainstPython compares, of what the reader takes, what CPython's C unpickler makes of the canonical pickle
// with what its pure-Python one makes of the original.
func FuzzAgainstPython(f *testing.F) {
	p := newPeer(f, interpreters.Find(f))
	addSeeds(f)
	f.Fuzz(func(t *testing.T, data, other, script []byte) {
		data = candidate(data, other, script)
		if roundTrip(t, data) {
			assert.Empty(t, p.compare(t, 's', data, canonical(t, data)), "%q", data)
		}
	})
}

// candidate is a pickle with changes. What does not begin as one says how one is generated.
func candidate(data, other, script []byte) []byte {
	if len(data) > 0 && data[0] != 0x80 {
		data = generate(data)
	}
	return mutate(data, other, script)
}

// addSeeds adds real pickles, as they are and with changes.
func addSeeds(f *testing.F) {
	all := seeds(f)
	for i, script := range scripts(2 * len(all)) {
		f.Add(all[i%len(all)], all[(i*7+1)%len(all)], script)
	}
	for _, seed := range all {
		f.Add(seed, []byte{}, []byte{})
	}
	for _, program := range programs(100) {
		f.Add(program, []byte{}, []byte{})
	}
}

// seeds are the small pickles of testdata/seeds.txt: all kinds of values, each pickler, each protocol.
func seeds(t testing.TB) [][]byte {
	t.Helper()
	text, err := os.ReadFile("testdata/seeds.txt")
	require.NoError(t, err)
	var found [][]byte
	for _, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
		_, data, ok := strings.Cut(line, "\t")
		require.True(t, ok, line)
		raw, err := hex.DecodeString(data)
		require.NoError(t, err, line)
		found = append(found, raw)
	}
	return found
}

// programs are some for generate.
func programs(count int) [][]byte {
	rng := rand.New(rand.NewPCG(18, 2))
	found := make([][]byte, count)
	for i := range found {
		found[i] = make([]byte, 1+rng.IntN(300))
		for j := range found[i] {
			found[i][j] = byte(rng.Uint32()) &^ 0x80
		}
	}
	return found
}

// What is generated is mostly taken, and so are pickles with small changes: the fuzzers get behind the first rule.
func TestMuchOfWhatIsFuzzedIsTaken(t *testing.T) {
	p := newPeer(t, interpreters.Find(t))
	taken := 0
	for _, program := range programs(3000) {
		data := generate(program)
		if roundTrip(t, data) {
			taken++
			require.Empty(t, p.compare(t, 's', data, canonical(t, data)), "%q", data)
		}
	}
	assert.Greater(t, taken, 1500)
	t.Logf("%d of 3000 generated", taken)

	taken = 0
	all := seeds(t)
	for i, script := range scripts(10 * len(all)) {
		data := mutate(all[i%len(all)], all[(i*7+1)%len(all)], script)
		if roundTrip(t, data) {
			taken++
			require.Empty(t, p.compare(t, 's', data, canonical(t, data)), "%q", data)
		}
	}
	assert.Greater(t, taken, len(all))
	t.Logf("%d of %d changed", taken, 10*len(all))
}

// fuzzLimits keep a run short, and let few keys be looked at.
var fuzzLimits = pickle.Limits{Nodes: 5000, Memory: 1 << 20, EqualKeys: 4, ObjectKeys: 6}

// roundTrip reads a pickle and, if that is taken, compares it with what is read of what is written.
func roundTrip(t *testing.T, data []byte) bool {
	t.Helper()
	tree, err := pickle.Read([][]byte{data}, fuzzLimits)
	if _, again := pickle.Read(inParts(data), fuzzLimits); err != nil || again != nil {
		assert.Equal(t, err, again, "parts make no difference: %q", data)
		var said *pickle.Error
		require.ErrorAs(t, err, &said, "%q", data)
		assert.NotEmpty(t, said.Rule)
		assert.True(t, said.Offset >= 0 && said.Offset <= len(data), "%v of %q", said, data)
		return false
	}
	inArena(t, data, tree)
	out, err := pickle.Write(rewrite(tree, false, true))
	require.NoError(t, err, "%q", data)
	more := pickle.Limits{Depth: 5000, Nodes: 1 << 20, KeyNodes: 1 << 20, HashNodes: 1 << 30}
	again, err := pickle.Read([][]byte{inline(out)}, more)
	require.NoError(t, err, "%q", data)
	require.Empty(t, differs(tree, again), "%q", data)
	return true
}

// inArena reads a pickle as a policy does, in memory that was another's before.
func inArena(t *testing.T, data []byte, tree *pickle.Node) {
	t.Helper()
	arena := pickle.NewArena(&fuzzLimits)
	defer arena.Free()
	for range 2 {
		again, err := arena.Read([][]byte{data})
		if len(data) < 1000 || err == nil { // together they may be too many
			require.NoError(t, err, "%q", data)
			require.Empty(t, differs(tree, again), "%q", data)
		}
	}
	assert.Equal(t, pickle.Node{}, *arena.Node())
}

// canonical writes a pickle that can be read.
func canonical(t *testing.T, data []byte) pickle.Output {
	t.Helper()
	tree, err := pickle.Read([][]byte{data}, fuzzLimits)
	require.NoError(t, err)
	return write(t, rewrite(tree, false, false))
}

// The seeds reach every opcode that is read: a fuzzer that begins with them has nothing to find first.
func TestSeedsHaveEveryOpcode(t *testing.T) {
	found := map[byte]int{}
	for _, seed := range seeds(t) {
		require.True(t, roundTrip(t, seed), "%q", seed)
		for _, in := range instructions(seed) {
			found[in.op]++
		}
	}
	for _, op := range []byte("(.01JKMNRXabc}ehj]qrst)uGBC\x80\x81\x85\x86\x87\x88\x89\x8a\x8b\x8c\x8d\x8e\x8f\x90\x91\x92\x93\x94\x95\x96") {
		assert.Positive(t, found[op], "opcode %#x", op)
	}
}
