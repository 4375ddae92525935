package pickle_test

import (
	"encoding/binary"
	"math"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/handler/pickle"
	"github.com/gopyrpc/gopyrpc/internal/interpreters"
)

// tryRead returns the error of reading a pickle of protocol 4 that is given without its head and its end.
func tryRead(body string, limits pickle.Limits) error {
	_, err := pickle.Read([][]byte{[]byte("\x80\x04" + body + ".")}, limits)
	return err
}

func TestDepthIsBounded(t *testing.T) {
	global := "\x8c\x01m\x8c\x01n\x93"
	for _, c := range []struct{ name, open, shut string }{
		{"list", "]", "a"}, {"tuple", "", "\x85"}, {"long tuple", "(NNN", "t"}, {"dict", "}N", "s"}, {"key", "", "\x85"},
		{"frozenset", "(", "\x91"}, {"arguments", global, "\x85R"}, {"state", global + ")\x81}N", "sb"},
		{"state as it is", global + ")\x81", "b"}, {"elements", global + ")\x81", "a"}, {"items", global + ")\x81N", "s"},
		{"keywords", global + ")}\x8c\x01k", "s\x92"},
	} {
		t.Run(c.name, func(t *testing.T) {
			nested := func(levels int) string {
				return strings.Repeat(c.open, levels-1) + "N" + strings.Repeat(c.shut, levels-1)
			}
			assert.NoError(t, tryRead(nested(500), pickle.Limits{}))
			assert.ErrorContains(t, tryRead(nested(501), pickle.Limits{}), "objects nest 500 levels deep at most")
			assert.NoError(t, tryRead(nested(20), pickle.Limits{Depth: 20}))
			assert.Error(t, tryRead(nested(21), pickle.Limits{Depth: 20}))
		})
	}
	// A tuple in itself is made before its elements are as deep as they become.
	chain := func(levels int) string {
		return "]\x94" + strings.Repeat("]", levels-4) + "h\x00\x85\x94" + strings.Repeat("a", levels-4) + "a0h\x01"
	}
	assert.NoError(t, tryRead(chain(500), pickle.Limits{}))
	assert.Error(t, tryRead(chain(501), pickle.Limits{}))
}

// What is as deep as may be is survived by what CPython does with it in C, on an eighth of an ordinary thread's stack.
func TestTheDepthIsOneThatCPythonSurvives(t *testing.T) {
	call := func(module, name string) string {
		return "\x8c" + string([]byte{byte(len(module))}) + module + "\x8c" + string([]byte{byte(len(name))}) + name + "\x93"
	}
	slice, partial := call("builtins", "slice"), call("functools", "partial")+call("builtins", "repr")+"\x85"
	kinds := map[string][2]string{
		"tuples": {"", "\x85"}, "lists": {"]", "a"}, "dicts": {"}N", "s"}, "frozensets": {"(", "\x91"}, "slices": {slice + "NN", "\x87R"},
		"partials":   {partial + "R(" + call("builtins", "repr"), "\x85}Ntb"},
		"exceptions": {call("builtins", "ValueError"), "\x85R"}, "deques": {call("collections", "deque") + ")R", "a"},
		"ordered":     {call("collections", "OrderedDict") + ")RN", "s"},
		"namespaces":  {call("types", "SimpleNamespace") + ")R}\x8c\x01a", "sb"},
		"itemgetters": {call("operator", "itemgetter"), "\x85R"}, "mixed": {"]}N(NNN", "tsa"},
	}
	interpreters.Each(t, func(t *testing.T, python interpreters.Interpreter) {
		p := newPeer(t, python)
		for name, kind := range kinds {
			levels := 499
			switch name { // which are several levels each
			case "partials":
				levels = 249
			case "mixed":
				levels = 166
			}
			data := []byte("\x80\x04" + strings.Repeat(kind[0], levels) + "N" + strings.Repeat(kind[1], levels) + ".")
			_, err := pickle.Read([][]byte{data}, pickle.Limits{})
			require.NoError(t, err, name)
			raised := string(p.ask(t, 'd', data)) // an answer, and no end of the process, is what is asked for
			assert.Subset(t, []string{"", "TypeError", "RecursionError"}, strings.Split(raised, " "), name)
		}
	})
}

func TestSizesAreBounded(t *testing.T) {
	some := pickle.Limits{Nodes: 100}
	assert.NoError(t, tryRead("("+strings.Repeat("K\x05", 99)+"t", some))
	assert.ErrorContains(t, tryRead("("+strings.Repeat("K\x05", 100)+"t", some), "100 objects at most")

	assert.ErrorContains(t, tryRead("("+strings.Repeat("N", 101)+"t", some), "as many at once on its stack")
	assert.ErrorContains(t, tryRead("]\x94("+strings.Repeat("h\x00", 100)+"t\x86", some), "on its stack")
	assert.ErrorContains(t, tryRead(strings.Repeat("(", 101)+strings.Repeat("t", 101), some), "on its stack")

	long := func(size int) string {
		return "\x8b" + string(binary.LittleEndian.AppendUint32(nil, uint32(size))) + strings.Repeat("\x01", size)
	}
	assert.NoError(t, tryRead(long(1785), pickle.Limits{}))
	assert.ErrorContains(t, tryRead(long(1786), pickle.Limits{}), "an int has 1785 bytes at most")

	lists := "(" + strings.Repeat("]", 1000) + "t"
	assert.NoError(t, tryRead(lists, pickle.Limits{Memory: 100_000}))
	assert.ErrorContains(t, tryRead(lists, pickle.Limits{Memory: 50_000}), "take 50000 bytes at most")
	wide := "X\x10\x27\x00\x00" + strings.Repeat("a", 9996) + "😀" // four bytes a character
	assert.NoError(t, tryRead(wide, pickle.Limits{Memory: 41_000}))
	assert.Error(t, tryRead(wide, pickle.Limits{Memory: 39_000}))
	shared := "]\x94(" + strings.Repeat("h\x00", 10_000) + "t\x86"
	assert.NoError(t, tryRead(shared, pickle.Limits{Memory: 100_000}))
	assert.Error(t, tryRead(shared, pickle.Limits{Memory: 79_000}))
}

// What a call or an object may copy counts each time: from the memo it can be given to many.
func TestCopiesAreBounded(t *testing.T) {
	global := "\x8c\x01m\x8c\x01n\x93\x94"
	wide := strings.Repeat("N", 10_000)
	body := "\x8e\x40\x0d\x03\x00\x00\x00\x00\x00" + strings.Repeat("b", 200_000)
	for name, c := range map[string]struct{ value, use string }{
		"arguments":  {"(" + wide + "t\x94", "h\x00h\x01R"},
		"a list":     {"](" + wide + "e\x85\x94", "h\x00h\x01R"},
		"a set":      {"\x8f(" + numbers(10_000) + "\x90\x85\x94", "h\x00h\x01\x81"},
		"keywords":   {"}(" + texts(10_000) + "u\x94", "h\x00)h\x01\x92"},
		"a state":    {"}(" + texts(10_000) + "u\x94", "h\x00)\x81h\x01b"},
		"two states": {"}}(" + texts(10_000) + "u\x86\x94", "h\x00)\x81h\x01b"},
		"an array's": {"K\x01" + body + "\x86\x94", "h\x00)\x81h\x01b"},
		"text":       {"X\x40\x0d\x03\x00" + strings.Repeat("b", 200_000) + "\x85\x94", "h\x00h\x01R"},
	} {
		with := func(count int) string { return global + c.value + "](" + strings.Repeat(c.use, count) + "e\x87" }
		assert.NoError(t, tryRead(with(1), pickle.Limits{Memory: 8 << 20}), name)
		assert.ErrorContains(t, tryRead(with(5000), pickle.Limits{}), "the objects of a pickle take", name)
	}
}

// The limits of an arena are for all that is read into it.
func TestAnArenaHasItsLimits(t *testing.T) {
	lists := [][]byte{[]byte("\x80\x04(" + strings.Repeat("]", 60) + "t.")}
	for _, limits := range []pickle.Limits{{Nodes: 100}, {Nodes: 61}, {Memory: 9000}} {
		arena := pickle.NewArena(&limits)
		_, err := arena.Read(lists)
		require.NoError(t, err)
		_, err = arena.Read(lists)
		assert.ErrorContains(t, err, "objects", "%+v", limits)
		arena.Free()
		arena = pickle.NewArena(&limits)
		_, err = arena.Read(lists)
		assert.NoError(t, err, "freed")
		arena.Free()
	}
}

// numbers writes n ints, texts as many str and values.
func numbers(n int) string {
	out := ""
	for i := range n {
		out += "M" + string([]byte{byte(i), byte(i >> 8)})
	}
	return out
}

func texts(n int) string {
	out := ""
	for i := range n {
		out += "\x8c\x02" + string([]byte{'a' + byte(i%20), 'a' + byte(i/20%20)}) + "N"
	}
	return out
}

// long writes an int of eight bytes.
func long(n uint64) string { return "\x8a\x08" + string(binary.LittleEndian.AppendUint64(nil, n)) }

// equal writes an int that has the hash of n, another for each i.
func equal(n int64, i int) string {
	wide := new(big.Int).Mul(big.NewInt(int64(i)), big.NewInt(1<<61-1))
	b := wide.Add(wide, big.NewInt(n)).FillBytes(make([]byte, 16))
	slices.Reverse(b)
	return "\x8a\x10" + string(b)
}

// asKeys writes keys as elements of a set, of a frozenset and as keys of a dict, of an object and of a set it adds to.
func asKeys(keys []string) map[string]string {
	global := "\x8c\x01m\x8c\x01n\x93"
	all := strings.Join(keys, "")
	pairs := strings.Join(keys, "N") + "N"
	return map[string]string{
		"set": "\x8f(" + all + "\x90", "frozenset": "(" + all + "\x91", "dict": "}(" + pairs + "u",
		"object's items": global + ")\x81(" + pairs + "u", "object's elements": global + ")\x81(" + all + "\x90",
	}
}

func TestKeysOfOneHashAreBounded(t *testing.T) {
	for name, key := range map[string]func(i int) string{
		"ints":             func(i int) string { return equal(0, i) },
		"tuples":           func(i int) string { return equal(7, i) + "\x8c\x01a\x86" },
		"tuples of tuples": func(i int) string { return "K\x01" + equal(3, i) + "\x85\x86" },
		"NaNs": func(i int) string {
			return "G" + string(binary.BigEndian.AppendUint64(nil, math.Float64bits(math.NaN())+uint64(i)))
		},
		"frozensets": func(i int) string { return "(" + equal(4, i) + "\x91" },
		// Of n and n + 2**61 - 1 CPython's exclusive or is 0, whatever n is.
		"frozensets of pairs": func(i int) string { return "(" + long(uint64(i)) + long(uint64(i)+1<<61-1) + "\x91" },
		"complex": func(i int) string {
			// 0 + 1000003 j and 1000003j + … : the real part makes good for the imaginary one
			re := binary.BigEndian.AppendUint64(nil, math.Float64bits(-1000003*float64(i)))
			im := binary.BigEndian.AppendUint64(nil, math.Float64bits(float64(i)))
			return "\x8c\x08builtins\x8c\x07complex\x93G" + string(re) + "G" + string(im) + "\x86R"
		},
	} {
		t.Run(name, func(t *testing.T) {
			keys := make([]string, 33)
			for i := range keys {
				keys[i] = key(i + 1) // -1 has the hash of -2
			}
			for where, body := range asKeys(keys) {
				assert.ErrorContains(t, tryRead(body, pickle.Limits{}), "32 keys of one hash at most", where)
			}
			for where, body := range asKeys(keys[:32]) {
				assert.NoError(t, tryRead(body, pickle.Limits{}), where)
			}
			for where, body := range asKeys(keys[:7]) {
				assert.Error(t, tryRead(body, pickle.Limits{EqualKeys: 6}), where)
			}
		})
	}
}

// Hashes can differ, and all lead to places that are taken: a run of taken places from which a dict's search does not get
// out, and keys that lead into it at every step that depends on their hash.
func TestKeysThatMeetInTheTableAreBounded(t *testing.T) {
	const size, fill = 4096, 1366 // the table is that large from so many keys on
	taken := map[uint64]bool{}
	var keys []string
	for i, at := 0, uint64(1); i < fill; i++ {
		taken[at] = true
		keys = append(keys, long(at))
		at = (5*at + 1) % size
	}
	for h := uint64(size); len(keys) < 2*fill-10; h++ {
		if leadsInto(taken, h, size) {
			keys = append(keys, long(h))
		}
	}
	assert.ErrorContains(t, tryRead("}("+strings.Join(keys, "N")+"Nu", pickle.Limits{}), "one takes 160 steps on average at most")
	assert.NoError(t, tryRead("}("+strings.Join(keys[:fill], "N")+"Nu", pickle.Limits{}))
}

// Numbers as programs have them are no attack, even where their hashes differ in a few bits only.
func TestHonestKeysAreRead(t *testing.T) {
	float := func(v float64) string { return "G" + string(binary.BigEndian.AppendUint64(nil, math.Float64bits(v))) }
	for name, key := range map[string]func(i int) string{
		"ints": func(i int) string { return long(uint64(i)) }, "negative ints": func(i int) string { return long(-uint64(i)) },
		"eighths": func(i int) string { return float(float64(i) / 8) }, "1024ths": func(i int) string { return float(float64(i) / 1024) },
		"tenths": func(i int) string { return float(float64(i) / 10) }, "seconds": func(i int) string { return float(1.7e9 + float64(i)/64) },
		"large floats": func(i int) string { return float(float64(i) * 1e20) }, "packed": func(i int) string { return long(uint64(i) << 40) },
		"pages": func(i int) string { return long(uint64(i) << 12) }, "pairs": func(i int) string { return long(uint64(i%100)) + long(uint64(i/100)) + "\x86" },
	} {
		keys := make([]string, 20_000)
		for i := range keys {
			keys[i] = key(i)
		}
		for where, body := range asKeys(keys) {
			assert.NoError(t, tryRead(body, pickle.Limits{}), "%s, %s", name, where)
		}
	}
}

func leadsInto(taken map[uint64]bool, hash, size uint64) bool {
	i := hash % size
	for perturb := hash; ; {
		if !taken[i] {
			return false
		}
		if perturb == 0 {
			return true
		}
		perturb >>= 5
		i = (5*i + perturb + 1) % size
	}
}

func TestTheHashOfAKeyIsBounded(t *testing.T) {
	shared := func(levels int) string { return "K\x01\x85\x94h\x00\x86" + doubled(levels) }
	assert.NoError(t, tryRead("}"+shared(6)+"Ns", pickle.Limits{}))
	assert.ErrorContains(t, tryRead("}"+shared(40)+"Ns", pickle.Limits{}), "the hash of a key visits 1000 objects at most")
	assert.ErrorContains(t, tryRead("("+shared(40)+"\x91", pickle.Limits{}), "visits 1000")
	assert.NoError(t, tryRead(shared(40), pickle.Limits{}), "not a key")

	// An object's hash may visit what it has.
	global := "\x8c\x01m\x8c\x01n\x93"
	assert.ErrorContains(t, tryRead("}"+global+shared(40)+"\x85\x81Ns", pickle.Limits{}), "the hashes of all keys visit")
	assert.ErrorContains(t, tryRead("}"+global+")\x81}N"+shared(40)+"sbNs", pickle.Limits{}), "the hashes of all keys visit")

	// A tuple that is no work, in many keys.
	tuple := "(" + strings.Repeat("K\x01", 900) + "t\x94"
	often := func(count int) string {
		keys := ""
		for i := range count {
			keys += "h\x00M" + string(binary.LittleEndian.AppendUint16(nil, uint16(i))) + "\x86N"
		}
		return tuple + "}(" + keys + "u\x86"
	}
	assert.NoError(t, tryRead(often(4000), pickle.Limits{}))
	assert.ErrorContains(t, tryRead(often(5000), pickle.Limits{}), "the hashes of all keys visit")
	assert.NoError(t, tryRead(often(5000), pickle.Limits{HashNodes: 10_000_000}))
}

// doubled makes the tuple that is on the stack one of itself twice, so many times.
func doubled(levels int) string {
	out := ""
	for i := range levels {
		out += "\x94h" + string([]byte{byte(i + 1)}) + "\x86"
	}
	return out
}

func TestObjectsAsKeysAreBounded(t *testing.T) {
	keys := make([]string, 101)
	for i := range keys {
		keys[i] = "\x8c\x01m\x8c\x01n\x93K" + string([]byte{byte(i)}) + "\x85\x81"
	}
	global := func(n *pickle.Node) (uint64, bool) { return pickle.HashOf(n.Items[1], nil) }
	for where, body := range asKeys(keys) {
		assert.ErrorContains(t, tryRead(body, pickle.Limits{}), "100 keys at most that are objects", where)
		assert.NoError(t, tryRead(body, pickle.Limits{Hash: global}), where)
	}
	for where, body := range asKeys(keys[:100]) {
		assert.NoError(t, tryRead(body, pickle.Limits{}), where)
	}
	same := func(*pickle.Node) (uint64, bool) { return 5, true }
	assert.ErrorContains(t, tryRead("\x8f("+strings.Join(keys, "")+"\x90", pickle.Limits{Hash: same}), "32 keys of one hash")
}

// A policy that looks into a list for the hash of an object can come upon the object again.
func TestTheHashOfAnObjectThatHoldsItselfEnds(t *testing.T) {
	tree := read(t, "\x80\x04\x8c\x01m\x8c\x01n\x93\x94]\x94h\x00h\x01\x85R\x94a\x85R0h\x02.")
	var within func(n *pickle.Node) (uint64, bool)
	within = func(n *pickle.Node) (uint64, bool) { return pickle.HashOf(n.Items[1].Items[0].Items[0], within) }
	require.Same(t, tree, tree.Items[1].Items[0].Items[0])
	_, ok := pickle.HashOf(tree, within)
	assert.False(t, ok)
}

// What a policy makes a dict or a set of was not one when it was read.
func TestKeysAreCheckedWhenAskedTo(t *testing.T) {
	tree := read(t, "\x80\x04]("+long(1)+long(2)+"e.")
	require.NoError(t, pickle.Limits{}.CheckKeys(pickle.NewSet(tree.Items...)))
	var ints []*pickle.Node
	for i := range 40 {
		ints = append(ints, pickle.NewInt(int64(i)*(1<<61-1)%math.MaxInt64), pickle.NewNone())
	}
	assert.ErrorContains(t, pickle.Limits{}.CheckKeys(pickle.NewSet(pickle.NewTuple(pickle.NewList()))), "has a hash")
	equal := []*pickle.Node{}
	for range 40 {
		equal = append(equal, pickle.NewTuple(pickle.NewInt(1), pickle.NewStr("x")), pickle.NewNone())
	}
	assert.ErrorContains(t, pickle.Limits{}.CheckKeys(pickle.NewDict(equal...)), "of one hash")
	assert.NoError(t, pickle.Limits{}.CheckKeys(pickle.NewDict(ints[:6]...)))
}
