package main

import (
	"fmt"
	"math"
	"math/big"
	"strings"
)

// hashAttacks are keys of one hash: n of them take n² comparisons in C, with the GIL held.
func hashAttacks() []attack {
	const keys = 40_000
	modulus := new(big.Int).SetUint64(1<<61 - 1) // of Python's hash of numbers
	number := func(i int) string {
		n := new(big.Int).Mul(modulus, big.NewInt(int64(i)))
		b := n.Bytes()
		for l, r := 0, len(b)-1; l < r; l, r = l+1, r-1 {
			b[l], b[r] = b[r], b[l]
		}
		return natural(string(b))
	}
	// class is what is in the memo under 0, if anything.
	sent := func(name, tries, class string, key func(int) string, set bool) attack {
		a := attack{name: "hash-" + name, tries: fmt.Sprintf("%d %s of one hash", keys, tries), expect: refused, canary: busy}
		a.large = func() []byte {
			var b strings.Builder
			for i := 1; i <= keys; i++ {
				b.WriteString(key(i))
				if !set {
					b.WriteString(none)
				}
			}
			value := "}(" + b.String() + "u"
			if set {
				value = "\x8f(" + b.String() + "\x90"
			}
			return whole(class + udf(global("victim", "echo"), after(value, text("done"))))
		}
		return a
	}
	class := func(module, name string) string { return global(module, name) + remember(0) + "0" }
	digits := func(i int) *big.Int { return new(big.Int).Mul(modulus, big.NewInt(int64(i))) }
	nan := func(a attack) attack {
		a.expect, a.inert = harmless, "from Python 3.10 on a NaN's hash is that of the object"
		return a
	}
	return []attack{
		sent("int", "integers", "", number, false),
		sent("int-set", "integers in a set", "", number, true),
		nan(sent("nan", "NaNs", "", func(int) string { return float(math.NaN()) }, false)),
		sent("tuple", "tuples", "", func(i int) string { return number(i) + "\x85" }, false),
		sent("pair-set", "pairs in a set", "", func(i int) string { return number(i) + none + "\x86" }, true),
		sent("decimal", "Decimals", class("decimal", "Decimal"), func(i int) string { return recall(0) + text(digits(i).String()) + "\x85R" }, false),
		sent("uuid", "UUIDs", class("uuid", "UUID"), func(i int) string { return recall(0) + text(fmt.Sprintf("%032x", digits(i))) + "\x85R" }, false),
		sent("instance", "instances of a listed class", class("victim", "Hashing"), func(int) string { return recall(0) + ")\x81" }, false),
		sent("fraction", "Fractions", class("fractions", "Fraction"), func(i int) string { return recall(0) + text(digits(i).String()) + "\x85R" }, false),
	}
}
