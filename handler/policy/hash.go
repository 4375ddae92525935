package policy

import (
	"encoding/binary"
	"math"
	"math/big"
	"strconv"

	"github.com/gopyrpc/gopyrpc/handler/pickle"
)

// prime is what CPython's hashes of numbers are remainders of.
const prime = 1<<61 - 1

// hashOf is what the hash of an object depends on, for those of which a payload can have many with one hash. The tree
// is as the payload has it.
func hashOf(n *pickle.Node) (uint64, bool) {
	class := n.Items[0]
	if class.Kind != pickle.Global {
		return 0, false
	}
	args := n.Items[1].Items
	asked := name{class.Module, class.Text}.renamed()
	if n.Kind == pickle.Instance {
		if asked == (name{"uuid", "UUID"}) && len(n.Changes) == 1 && n.Changes[0].Kind == pickle.Build && n.Changes[0].Items[0].Kind == pickle.Dict {
			if value := field(n.Changes[0].Items[0], "int"); value != nil && isInt(value) {
				return pickle.HashOf(value, nil)
			}
		}
		return 0, false
	}
	switch asked {
	case name{"datetime", "date"}, name{"datetime", "time"}, name{"datetime", "datetime"}, name{"_codecs", "encode"}:
		if len(args) > 0 {
			return pickle.HashOf(args[0], hashOf) // of bytes or text: with a secret
		}
	case name{"datetime", "timedelta"}:
		return pickle.HashOf(n.Items[1], nil)
	case name{"decimal", "Decimal"}:
		if len(args) == 1 && isStr(args[0]) {
			return hashOfDecimal(args[0].Text)
		}
	case name{"builtins", "frozenset"}:
		if len(args) == 1 && args[0].Kind == pickle.List {
			return pickle.HashOf(&pickle.Node{Kind: pickle.FrozenSet, Items: args[0].Items}, hashOf)
		}
	case name{"numpy.core.multiarray", "scalar"}, name{"numpy._core.multiarray", "scalar"}:
		if len(args) == 2 {
			return hashOfScalar(args[0], args[1])
		}
	}
	if isException(asked) { // by identity
		return uint64(n.Offset) * 0x9e3779b97f4a7c15, true
	}
	return 0, false
}

// hashOfDecimal is that of a Decimal's value.
func hashOfDecimal(text string) (uint64, bool) {
	if len(text) > shortNumber { // which would take long for each of many
		return 0, false
	}
	found := decimal.FindStringSubmatch(text)
	if found == nil || found[1] == "" {
		return 0, false
	}
	exponent, _ := strconv.Atoi(found[3])
	p := big.NewInt(prime)
	value, ok := new(big.Int).SetString(found[1]+found[2], 10)
	if !ok {
		return 0, false
	}
	power := int64(exponent - len(found[2]))
	base := big.NewInt(10)
	if power < 0 {
		base.ModInverse(base, p)
		power = -power
	}
	value.Mul(value, base.Exp(base, big.NewInt(power), p)).Mod(value, p)
	h := value.Int64()
	if text[0] == '-' {
		h = -h
	}
	return uint64(h), true
}

// hashOfScalar is that of numpy's numbers, which is the number's own.
func hashOfScalar(of, data *pickle.Node) (uint64, bool) {
	raw, ok := rawBytes(data)
	if !ok || of.Kind != pickle.Reduce || len(of.Items[1].Items) == 0 || !isStr(of.Items[1].Items[0]) {
		return 0, false
	}
	code := of.Items[1].Items[0].Text
	if len(code) != 2 || len(raw) > 8 || len(raw) == 0 || int(code[1]-'0') != len(raw) {
		return 0, false
	}
	padded := make([]byte, 8)
	if isBigEndian(of) {
		for i := range raw {
			padded[i] = raw[len(raw)-1-i]
		}
	} else {
		copy(padded, raw)
	}
	bits := binary.LittleEndian.Uint64(padded)
	unused := 64 - 8*len(raw)
	switch {
	case code[0] == 'i':
		return pickle.HashOf(pickle.NewInt(int64(bits<<unused)>>unused), nil)
	case code[0] == 'u' || code[0] == 'b':
		return pickle.HashOf(pickle.NewBigInt(new(big.Int).SetUint64(bits)), nil)
	case code == "f8":
		return pickle.HashOf(pickle.NewFloat(math.Float64frombits(bits)), nil)
	case code == "f4":
		return pickle.HashOf(pickle.NewFloat(float64(math.Float32frombits(uint32(bits)))), nil)
	}
	return 0, false
}

// rawBytes are small bytes, as any protocol has them.
func rawBytes(n *pickle.Node) ([]byte, bool) {
	if n.Kind == pickle.Reduce && len(n.Items[1].Items) == 2 && isStr(n.Items[1].Items[0]) {
		return latin1(n.Items[1].Items[0].Text)
	}
	if lengthOf(n) > 16 {
		return nil, false
	}
	return small(n)
}

func isBigEndian(of *pickle.Node) bool {
	if len(of.Changes) != 1 || of.Changes[0].Kind != pickle.Build || of.Changes[0].Items[0].Kind != pickle.Tuple {
		return false
	}
	state := of.Changes[0].Items[0].Items
	return len(state) > 1 && isStr(state[1]) && state[1].Text == ">"
}
