package pickle

import (
	"hash/maphash"
	"math"
	"math/big"
	"math/bits"
	"slices"
)

// HashOf is what CPython's hash of a node is, or a number that stands for it: for text and bytes, whose hash has a
// secret there, one with a secret of this process. It returns false where an object says itself what its hash is; of
// those it asks hash, which may be nil, and may call HashOf again. What cannot be hashed has some number.
func HashOf(n *Node, hash func(*Node) (uint64, bool)) (uint64, bool) {
	if n.hashed {
		return n.hash, !n.opaque
	}
	if n.hashing { // an object in a list that hash has looked into
		return 0, false
	}
	own := n.weight > 0 // one of Read's, which one goroutine has for itself
	if own {
		n.hashing = true
	}
	h, ok := compute(n, hash)
	if h == math.MaxUint64 { // -1, which CPython has for an error
		h--
	}
	if own {
		n.hashing, n.hash, n.opaque, n.hashed = false, h, !ok, true
	}
	return h, ok
}

var seed = maphash.MakeSeed()

func compute(n *Node, hash func(*Node) (uint64, bool)) (uint64, bool) {
	switch n.Kind {
	case Bool, Int:
		return hashOfInt(n), true
	case Float:
		return hashOfFloat(n.Float), true
	case Str:
		return hashOfText(n.Text), true
	case Bytes:
		return hashOfBytes(n.Data), true
	case Global:
		return hashOfText(n.Module + "\n" + n.Text), true
	case Tuple:
		return hashOfTuple(n, hash)
	case FrozenSet:
		return hashOfFrozenSet(n, hash)
	case Reduce, Instance:
		if h, ok := hashOfComplex(n); ok {
			return h, true
		}
		if hash != nil {
			return hash(n)
		}
		return 0, false
	}
	return 0xfca86420, true // None's, since 3.12
}

// modulus is the prime that CPython's hashes of numbers are remainders of.
const modulus = 1<<61 - 1

func hashOfInt(n *Node) uint64 {
	if n.Big != nil {
		rest := new(big.Int).Rem(n.Big, big.NewInt(modulus)) // the sign is that of n.Big, as in C
		return uint64(rest.Int64())
	}
	return uint64(n.Int % modulus)
}

// hashOfFloat is that of the int which is equal, and of a fraction the same extended to fractions. CPython has
// 0 for every NaN before 3.10, and the address since.
func hashOfFloat(v float64) uint64 {
	switch {
	case math.IsInf(v, 1):
		return 314159
	case math.IsInf(v, -1):
		return ^uint64(314159) + 1
	case math.IsNaN(v) || v == 0:
		return 0
	}
	fraction, exponent := math.Frexp(math.Abs(v))
	mantissa := uint64(math.Ldexp(fraction, 53)) // below the modulus
	shift := (exponent - 53) % 61
	if shift < 0 {
		shift += 61
	}
	h := mantissa<<shift&modulus | mantissa>>(61-shift)
	if v < 0 {
		h = -h
	}
	return h
}

func hashOfText(s string) uint64 {
	if s == "" {
		return 0
	}
	return maphash.String(seed, s)
}

// hashOfBytes is that of a str of the same characters, as in CPython where these are ASCII.
func hashOfBytes(parts [][]byte) uint64 {
	var h maphash.Hash
	h.SetSeed(seed)
	size := 0
	for _, part := range parts {
		size += len(part)
		_, _ = h.Write(part)
	}
	if size == 0 {
		return 0
	}
	return h.Sum64()
}

// hashOfTuple is that of CPython since 3.8, a variant of xxHash.
func hashOfTuple(n *Node, hash func(*Node) (uint64, bool)) (uint64, bool) {
	const prime1, prime2, prime5 = 11400714785074694791, 14029467366897019727, 2870177450012600261
	sum, known := uint64(prime5), true
	for _, item := range n.Items {
		h, ok := HashOf(item, hash)
		known = known && ok
		sum += h * prime2
		sum = bits.RotateLeft64(sum, 31) * prime1
	}
	sum += uint64(len(n.Items)) ^ (prime5 ^ 3527539)
	if sum == math.MaxUint64 {
		return 1546275796, known
	}
	return sum, known
}

// hashOfFrozenSet is that of CPython, which does not depend on the order. A set in which two elements have
// one hash may have one of them only, if they are equal: whether they are is not looked into, and all such sets have one
// number here.
func hashOfFrozenSet(n *Node, hash func(*Node) (uint64, bool)) (uint64, bool) {
	hashes, known := make([]uint64, len(n.Items)), true
	for i, item := range n.Items {
		h, ok := HashOf(item, hash)
		known = known && ok
		hashes[i] = h
	}
	slices.Sort(hashes)
	if len(slices.Compact(slices.Clone(hashes))) < len(hashes) {
		return 0, known
	}
	sum := uint64(0)
	for _, h := range hashes {
		sum ^= ((h ^ 89869747) ^ (h << 16)) * 3644798167
	}
	sum ^= (uint64(len(hashes)) + 1) * 1927868237
	sum ^= sum>>11 ^ sum>>25
	sum = sum*69069 + 907133923
	if sum == math.MaxUint64 {
		return 590923713, known
	}
	return sum, known
}

// hashOfComplex is that of complex(real, imag), the form in which one is pickled.
func hashOfComplex(n *Node) (uint64, bool) {
	callable, args := n.Items[0], n.Items[1].Items
	if n.Kind != Reduce || callable.Kind != Global || callable.Text != "complex" || len(n.Changes) > 0 ||
		callable.Module != "builtins" && callable.Module != "__builtin__" ||
		len(args) != 2 || args[0].Kind != Float || args[1].Kind != Float {
		return 0, false
	}
	re, im := hashOfFloat(args[0].Float), hashOfFloat(args[1].Float)
	return unlessError(re) + 1000003*unlessError(im), true
}

// unlessError is a hash as CPython hands it out: -1 says that there was an error.
func unlessError(h uint64) uint64 {
	if h == math.MaxUint64 {
		return h - 1
	}
	return h
}
