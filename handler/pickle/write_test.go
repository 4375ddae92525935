package pickle_test

import (
	"bytes"
	"math"
	"math/big"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/handler/pickle"
	"github.com/gopyrpc/gopyrpc/internal/interpreters"
)

func write(t testing.TB, n *pickle.Node) pickle.Output {
	t.Helper()
	out, err := pickle.Write(n)
	require.NoError(t, err)
	return out
}

// body is a canonical pickle without PROTO, FRAME and STOP.
func body(t testing.TB, n *pickle.Node) string {
	t.Helper()
	out := write(t, n)
	require.Equal(t, "\x80\x05\x95", string(out.Pickle[:3]))
	require.Len(t, out.Pickle, 11+int(out.Pickle[3])+int(out.Pickle[4])<<8)
	require.Equal(t, byte('.'), out.Pickle[len(out.Pickle)-1])
	return string(out.Pickle[11 : len(out.Pickle)-1])
}

func TestOnlyWhatIsSharedIsMemoized(t *testing.T) {
	text, list := pickle.NewStr("a"), pickle.NewList(pickle.NewInt(1))
	assert.Equal(t, "\x8c\x01a]K\x01a\x86", body(t, pickle.NewTuple(text, list)))
	assert.Equal(t, "(\x8c\x01a\x94h\x00]\x94K\x01ah\x01t", body(t, pickle.NewTuple(text, text, list, list)))
	one, none := pickle.NewInt(1), pickle.NewTuple()
	assert.Equal(t, "(K\x01K\x01))t", body(t, pickle.NewTuple(one, one, none, none)), "these have no identity")
}

func TestCyclesAreWrittenAsCPythonDoes(t *testing.T) {
	list := pickle.NewList()
	list.Items = append(list.Items, list)
	assert.Equal(t, "]\x94h\x00a", body(t, list))

	within := pickle.NewList()
	tuple := pickle.NewTuple(within, pickle.NewInt(1))
	within.Items = append(within.Items, tuple)
	assert.Equal(t, "]\x94h\x00K\x01\x86\x94aK\x0100h\x01", body(t, tuple))
	assert.Equal(t, "]\x94h\x00K\x01\x86a", body(t, within))

	set := pickle.NewFrozenSet()
	object := pickle.NewReduce(pickle.NewGlobal("m", "n"))
	object.ThenCall(pickle.NewGlobal("m", "s"), set)
	set.Items = append(set.Items, object)
	assert.Equal(t, "(\x8c\x01m\x8c\x01n\x93)R\x94\x8c\x01m\x8c\x01s\x93h\x00(h\x00\x91\x94\x86R01h\x01", body(t, set))
}

func TestCallsFollowTheObject(t *testing.T) {
	object := pickle.NewReduce(pickle.NewGlobal("m", "n"), pickle.NewInt(1))
	object.ThenCall(pickle.NewGlobal("m", "f"))
	object.ThenCall(pickle.NewGlobal("m", "g"), pickle.NewInt(2), object, pickle.NewInt(3))
	assert.Equal(t, "\x8c\x01m\x8c\x01n\x93K\x01\x85R\x94"+"\x8c\x01m\x8c\x01f\x93h\x00\x85R0"+
		"\x8c\x01m\x8c\x01g\x93(h\x00K\x02h\x00K\x03tR0", body(t, object))
}

func TestWhatCannotBeWrittenIsAnError(t *testing.T) {
	itself := pickle.NewTuple(pickle.NewInt(1))
	itself.Items[0] = itself
	deep := pickle.NewList()
	for range 20_000 {
		deep = pickle.NewList(deep)
	}
	instance := pickle.NewReduce(pickle.NewGlobal("m", "n"))
	instance.Kind = pickle.Instance
	changed := pickle.NewReduce(pickle.NewGlobal("m", "n"))
	changed.Changes = []pickle.Change{{Kind: pickle.Build, Items: []*pickle.Node{pickle.NewDict()}}}
	set := pickle.NewReduce(pickle.NewGlobal("m", "n"))
	set.Changes = []pickle.Change{{Kind: pickle.Setter, Items: []*pickle.Node{pickle.NewGlobal("m", "s")}}}
	call := pickle.NewReduce(pickle.NewGlobal("m", "n"))
	call.Items[1] = pickle.NewList()
	for rule, n := range map[string]*pickle.Node{
		"does not hold itself":                 itself,
		"at most 10000 levels deep":            deep,
		"calls in place of instances":          instance,
		"calls in place of changes":            pickle.NewList(changed),
		"has calls in place of changes":        set,
		"a callable and a tuple of arguments":  call,
		"the text of a str is UTF-8":           pickle.NewStr("\xff"),
		"the name of a global is UTF-8":        pickle.NewGlobal("m\n", "n"),
		"a dict has a value for each key":      pickle.NewDict(pickle.NewInt(1)),
		"UTF-8 without control characters":     pickle.NewGlobal("", "n"),
		"a tuple or an object does not hold i": pickle.NewTuple(itself),
	} {
		_, err := pickle.Write(n)
		var said *pickle.Error
		if assert.ErrorAs(t, err, &said, rule) {
			assert.Contains(t, said.Rule, rule)
		}
	}
}

func TestLargeBytesAreNotCopied(t *testing.T) {
	large := bytes.Repeat([]byte("x"), pickle.LargeData)
	rest := bytes.Repeat([]byte("y"), 100_000)
	shared := pickle.NewBytes(large)
	given := &pickle.Node{Kind: pickle.Given, Text: "m:n"}
	out := write(t, pickle.NewTuple(shared, pickle.NewByteArray(large[:10], rest), given, shared, pickle.NewBytes(large[1:])))
	assert.Equal(t, "(\x97\x94\x97\x97h\x00B\xff\xff\x00\x00", string(out.Pickle[11:23]))
	require.Len(t, out.Buffers, 3)
	assert.Equal(t, []bool{false, true, false}, []bool{out.Buffers[0].Mutable, out.Buffers[1].Mutable, out.Buffers[2].Mutable})
	assert.Same(t, &large[0], &out.Buffers[0].Data[0][0])
	assert.Same(t, &rest[0], &out.Buffers[1].Data[1][0])
	assert.Same(t, given, out.Buffers[2].Given)

	data := append(append([]byte("\x80\x05\x8e\x00\x00\x01\x00\x00\x00\x00\x00"), large...), '.')
	cut := 30_000
	n, err := pickle.Read([][]byte{data[:cut], nil, data[cut:]}, pickle.Limits{})
	require.NoError(t, err)
	require.Equal(t, pickle.Bytes, n.Kind)
	require.Len(t, n.Data, 2)
	assert.Same(t, &data[11], &n.Data[0][0])
	assert.Same(t, &data[cut], &n.Data[1][0])
	assert.Equal(t, large, joined(n))
}

// A peer can write to the parts while they are read and afterwards: what was checked stays as it was.
func TestWhatIsReadIsACopy(t *testing.T) {
	for _, padding := range []int{0, 10, 5000, 100_000} {
		data := []byte("\x80\x05\x8c\x03abc\x94C\x03def\x8c\x01m\x8c\x01n\x93X")
		data = append(data, byte(padding), byte(padding>>8), byte(padding>>16), 0)
		data = append(append(data, strings.Repeat("p", padding)...), "K\x05\x87t."...)
		data = append(data[:2], append([]byte{'('}, data[2:]...)...)
		n, err := pickle.Read(inParts(data), pickle.Limits{})
		require.NoError(t, err)
		clear(data)
		assert.Equal(t, "abc", n.Items[0].Text)
		assert.Equal(t, "def", string(joined(n.Items[1])))
		tuple := n.Items[2].Items
		assert.Equal(t, "mn", tuple[0].Module+tuple[0].Text)
		assert.Equal(t, strings.Repeat("p", padding), tuple[1].Text)
		assert.EqualValues(t, 5, tuple[2].Int)
	}
}

func TestTreesThatHaveNodesInCommonAreWrittenAtOnce(t *testing.T) {
	common := pickle.NewGlobal("m", "n")
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for range 200 {
				n := pickle.NewTuple(common, pickle.NewInt(int64(i)), common)
				assert.Equal(t, "\x8c\x01m\x8c\x01n\x93\x94K"+string([]byte{byte(i)})+"h\x00\x87", body(t, n))
			}
		})
	}
	all.Wait()
}

// A Go program makes a value, and Python has it.
func TestConstructorsMakeWhatTheySay(t *testing.T) {
	p := newPeer(t, interpreters.Find(t))
	huge := new(big.Int).Lsh(big.NewInt(-3), 2100)
	list := pickle.NewList(pickle.NewNone(), pickle.NewBool(true), pickle.NewBool(false), pickle.NewInt(-5), pickle.NewInt(math.MinInt64))
	list.Items = append(list.Items, pickle.NewBigInt(huge), pickle.NewBigInt(big.NewInt(7)), pickle.NewFloat(-0.5), list)
	tree := pickle.NewTuple(
		list, pickle.NewStr("é\x00"), pickle.NewBytes([]byte("ab"), []byte("c")), pickle.NewByteArray(), pickle.NewTuple(),
		pickle.NewDict(pickle.NewStr("k"), list), pickle.NewSet(pickle.NewInt(1), pickle.NewInt(1)),
		pickle.NewFrozenSet(pickle.NewStr("x")), pickle.NewGlobal("m", "C.n"),
		pickle.NewReduce(pickle.NewGlobal("m", "f"), pickle.NewInt(1)),
	)
	python := "(lambda l: (l.append(l), (l, 'é\\0', b'abc', bytearray(), (), {'k': l}, {1}, frozenset(['x']), Stand('global', 'm', 'C.n')," +
		" Stand('global', 'm', 'f')(1)))[1])([None, True, False, -5, -2**63, -3 << 2100, 7, -0.5])"
	assert.Empty(t, string(p.ask(t, 'e', []byte(python), write(t, tree).Pickle)))
}
