package main

import (
	"strconv"
	"strings"
)

// sizeAttacks are payloads of few bytes that take much memory or time in constructors.
func sizeAttacks() []attack {
	sent := func(name, tries, value string, expect outcome, canary string) attack {
		return attack{name: "size-" + name, tries: tries, payload: request(after(value, text("done"))), expect: expect, canary: canary}
	}
	counted := func(name, tries, value string, expect outcome, canary string) attack {
		a := sent(name, tries, "", expect, canary)
		a.payload = request(value)
		return a
	}
	huge := call("decimal", "Decimal", text("1e300000000"))
	billion := call("builtins", "range", number(1_000_000_000))
	named := sent("many-keys", "a call with 100,000 keyword arguments", none, harmless, entered)
	named.payload = whole(newobj(global("gopyrpc.internal", "PythonUDF"), global("victim", "echo"), tuple(text("x")), "}("+keywords(100_000)+"u"))
	return []attack{
		named,
		sent("fraction", "Fraction('1e300000000')", call("fractions", "Fraction", text("1e300000000")), refused, busy),
		sent("fraction-power", "Fraction('1e-300000000')", call("fractions", "Fraction", text("1e-300000000")), refused, busy),
		sent("int-of-decimal", "int(Decimal('1e300000000'))", call("builtins", "int", huge), refused, busy),
		sent("hash-of-decimal", "Decimal('1e300000000') as a key", "}"+huge+"Ns", harmless, entered),
		sent("decimal-digits", "Decimal of four million digits", call("decimal", "Decimal", text(strings.Repeat("9", 4_000_000))), refused, entered),
		sent("list-of-range", "list(range(1,000,000,000))", call("builtins", "list", billion), refused, memory),
		sent("set-of-range", "set(range(1,000,000,000))", call("builtins", "set", billion), refused, memory),
		sent("tuple-of-range", "tuple(range(1,000,000,000))", call("builtins", "tuple", billion), refused, memory),
		sent("bytes", "bytes(8 GiB)", call("builtins", "bytes", number(8<<30)), refused, memory),
		sent("bytearray", "bytearray(8 GiB)", call("builtins", "bytearray", number(8<<30)), refused, memory),
		sent("counter", "Counter of a range", call("collections", "Counter", billion), refused, memory),
		sent("deque", "deque of a range", call("collections", "deque", billion), refused, memory),
		sent("ordered", "OrderedDict.fromkeys of a range", reduce(global("collections", "OrderedDict.fromkeys"), billion), refused, memory),
		sent("syntax-error", "SyntaxError about a range, which CPython makes a tuple of", call("builtins", "SyntaxError", text("m"), billion), refused, memory),
		sent("group", "ExceptionGroup of a range, which CPython makes a tuple of", call("builtins", "ExceptionGroup", text("m"), billion), refused, memory),
		sent("bytes-repeated", "operator.mul of a text and 4 billion", call("operator", "mul", text("x"), number(4_000_000_000)), refused, memory),
		sent("power", "operator.pow(10, 10^8)", call("operator", "pow", number(10), number(100_000_000)), refused, busy),
		sent("int-text", "an int of 1,000,000 digits, in text", "I"+strings.Repeat("9", 1_000_000)+"\n", refused, nowhere),
		sent("int-of-text", "int() of a text of 1,000,000 digits to base 32", call("builtins", "int", text(strings.Repeat("9", 1_000_000)), number(3)), refused, nowhere),
		sent("long", "an int of 16 MiB", natural(strings.Repeat("\x7f", 16<<20)), refused, entered),
		sent("text-of-long", "an int of 16 MiB, as text", call("builtins", "str", natural(strings.Repeat("\x7f", 16<<20))), refused, nowhere),
		sent("format", "str.__mod__ by a format with a width", reduce(global("builtins", "str.__mod__"), text("%1000000000d"), number(1)), refused, memory),
		sent("complex-text", "complex of a text of 100,000 digits", call("builtins", "complex", text(strings.Repeat("9", 100_000))), refused, entered),
		sent("unicode-bomb", "_codecs.encode of an empty text, a thousand times", list(repeat(call("_codecs", "encode", text(""), text("latin1")), 1000)...), harmless, entered),
		sent("memo", "the memo of 100,000 entries", memoised(100_000), harmless, entered),
		counted("surrogates", "a text of lone surrogates", text(strings.Repeat("\xed\xa0\x80", 10_000)), harmless, entered),
		counted("bad-utf8", "a text that is no UTF-8", text("\xff\xfe"), refused, nowhere),
		counted("wide", "a list of a million empty lists", "]("+strings.Repeat("]", 1_000_000)+"e", harmless, entered),
		counted("date", "a date of 10 bytes that are no date", call("datetime", "datetime", blob("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff")), refused, nowhere),
		counted("date-month", "a date of the month 0", call("datetime", "date", blob("\x07\xe4\x00\x01")), refused, nowhere),
		counted("uuid-int", "a UUID of an int of 256 bits", call("uuid", "UUID", none, none, none, none, natural(strings.Repeat("\xff", 32))), refused, nowhere),
		counted("range", "range(10^30)", call("builtins", "range", natural(strings.Repeat("\x7f", 12))), harmless, entered),
		counted("slice", "a slice of a list that is nested", call("builtins", "slice", "]", "]", "]"), harmless, entered),
	}
}

// memoised are n texts, each of them in the memo.
func memoised(n int) string {
	var b strings.Builder
	b.WriteString("](")
	for i := range n {
		b.WriteString(text(strconv.Itoa(i)) + "\x94")
	}
	return b.String() + "e"
}

func keywords(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(text("k"+strconv.Itoa(i)) + none)
	}
	return b.String()
}
