package main

import "strings"

// nestAttacks nest values very deeply: C code that walks a nested value recurses.
func nestAttacks() []attack {
	const deep = 600_000 // the C stack here has room for a few hundred thousand levels
	sent := func(name, tries, value string, expect outcome, canary string) attack {
		return attack{name: "nest-" + name, tries: tries, payload: request(value), expect: expect, canary: canary}
	}
	tuples := none + strings.Repeat("\x85", deep)
	lists := strings.Repeat("]", deep) + strings.Repeat("a", deep-1)
	// The doubled tuple ((x, x), (x, x))… has 2^40 leaves for a reader that visits them all, and 40 nodes.
	doubled := none + "\x85" + remember + doubling(40)
	again := none + "\x85" + remember
	for i := range 40 {
		again += recall(41+i) + "\x86" + remember
	}
	laughs := text("ha") + remember
	for i := range 12 { // each list has the previous list ten times
		laughs = "]" + remember + "(" + laughs + strings.Repeat(recall(12-i), 9) + "e"
	}
	instance := strings.Repeat(global("victim", "Plain")+")\x81}"+text("a"), 1000) + none + strings.Repeat("sb", 1000)
	inOlder := func(a attack, value string) attack {
		a.payload = olderRequest(value)
		return a
	}
	return []attack{
		sent("tuples-hashed", "a tuple nested 600,000 deep as a key", empty+tuples+"Ns", refused, died),
		sent("tuples", "a tuple nested 600,000 deep", tuples, refused, nowhere),
		inOlder(sent("obj", "tuples by OBJ, nested 400,000 deep, as a key", "", refused, died), empty+objTuples(400_000)+"Ns"),
		inOlder(sent("inst", "tuples by INST, nested 400,000 deep, as a key", "", refused, died), empty+instTuples(400_000)+"Ns"),
		sent("newobj-tuples", "tuples by NEWOBJ, nested 600,000 deep, as a key", empty+newobjTuples(deep)+"Ns", refused, died),
		sent("frozensets", "a frozenset nested 100,000 deep", strings.Repeat("(", 100_000)+none+strings.Repeat("\x91", 100_000), refused, nowhere),
		sent("lists", "a list nested 600,000 deep", lists, refused, nowhere),
		sent("dicts", "a dict nested 100,000 deep", strings.Repeat("}N", 100_000)+none+strings.Repeat("s", 100_000), refused, nowhere),
		sent("sets", "MARKs nested 100,000 deep", strings.Repeat("(", 100_000)+strings.Repeat("t", 100_000), refused, nowhere),
		sent("calls", "calls nested 100,000 deep", strings.Repeat(global("victim", "echo"), 20_000)+none+strings.Repeat("\x85R", 20_000), refused, entered),
		sent("instances", "instances of a listed class nested 1,000 deep, by their state", instance, harmless, nowhere),
		sent("tuples-doubled", "a tuple of 40 nodes and 2^40 leaves as a key", empty+doubled+"Ns", refused, busy),
		sent("tuples-doubled-set", "the same in a frozenset", frozenset(doubled), refused, busy),
		sent("tuples-doubled-compared", "two of them, of one hash, to be compared as keys", empty+"("+doubled+none+again+none+"u", refused, busy),
		{name: "nest-laughs", tries: "lists of lists of 10^12 leaves, as text", expect: refused, canary: costly,
			payload: whole(udf(global("builtins", "str"), laughs))},
		sent("laughs-echo", "the same, only sent back", laughs, harmless, entered),
		sent("cycle-key", "a key that holds itself", empty+call("victim", "echo", tuple(list()))+"Ns", refused, nowhere),
		sent("cycle-tuple", "a tuple that holds itself by way of a list", "]"+remember+recall(0)+"\x85a", harmless, entered),
	}
}

// newobjTuples are tuples of one element each, made by NEWOBJ of tuple.
func newobjTuples(deep int) string {
	return global("builtins", "tuple") + remember + strings.Repeat(recall(0), deep-1) + none + strings.Repeat("\x85\x85\x81", deep)
}

// objTuples are tuples of one element each, made by OBJ of tuple from a list.
func objTuples(deep int) string {
	return strings.Repeat("(cbuiltins\ntuple\n]", deep) + none + strings.Repeat("ao", deep)
}

// instTuples are tuples of one element each, made by INST of tuple.
func instTuples(deep int) string {
	return strings.Repeat("(]", deep) + none + strings.Repeat("aibuiltins\ntuple\n", deep)
}
