package main

import (
	"fmt"
	"math"
	"math/big"
	"strings"
)

// hashAttacks are keys with the same hash: n such keys take n² comparisons in C, with the GIL held.
func hashAttacks() []attack {
	const keys = 40_000
	modulus := new(big.Int).SetUint64(1<<61 - 1) // of Python's hash of numbers
	number := func(_ string, i int) string {
		n := new(big.Int).Mul(modulus, big.NewInt(int64(i)))
		b := n.Bytes()
		for l, r := 0, len(b)-1; l < r; l, r = l+1, r-1 {
			b[l], b[r] = b[r], b[l]
		}
		return natural(string(b))
	}
	// class is the class in the memo under 0, if there is one, so that the payload names it once.
	sent := func(name, tries, class string, key func(class string, i int) string, set bool) attack {
		a := attack{name: "hash-" + name, tries: fmt.Sprintf("%d %s of one hash", keys, tries), expect: refused, because: "a dict or a set has", canary: busy}
		a.large = func() []byte {
			var b strings.Builder
			known := class + remember
			for i := 1; i <= keys; i++ {
				b.WriteString(key(known, i))
				if !set {
					b.WriteString(none)
				}
				known = recall(0)
			}
			value := "}(" + b.String() + "u"
			if set {
				value = "\x8f(" + b.String() + "\x90"
			}
			return request(after(value, text("done")))
		}
		return a
	}
	digits := func(i int) *big.Int { return new(big.Int).Mul(modulus, big.NewInt(int64(i))) }
	nan := func(a attack) attack {
		a.expect, a.inert = harmless, "from Python 3.10 on a NaN's hash is that of the object"
		return a
	}
	return []attack{
		sent("int", "integers", "", number, false),
		sent("int-set", "integers in a set", "", number, true),
		nan(sent("nan", "NaNs", "", func(string, int) string { return float(math.NaN()) }, false)),
		sent("tuple", "tuples", "", func(_ string, i int) string { return number("", i) + "\x85" }, false),
		sent("pair-set", "pairs in a set", "", func(_ string, i int) string { return number("", i) + none + "\x86" }, true),
		sent("decimal", "Decimals", global("decimal", "Decimal"), func(class string, i int) string { return class + text(digits(i).String()) + "\x85R" }, false),
		sent("uuid", "UUIDs", global("uuid", "UUID"), func(class string, i int) string { return class + text(fmt.Sprintf("%032x", digits(i))) + "\x85R" }, false),
		sent("instance", "instances of a listed class", global("victim", "Hashing"), func(class string, _ int) string { return class + ")\x81" }, false),
		sent("fraction", "Fractions", global("fractions", "Fraction"), func(class string, i int) string { return class + text(digits(i).String()) + "\x85R" }, false),
	}
}
