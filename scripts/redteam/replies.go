package main

import "strings"

// replyAttacks are replies of a worker that the victim has called, and whose list it has.
func replyAttacks() []attack {
	sent := func(name, tries, value string, canary string) attack {
		return attack{name: "reply-" + name, tries: tries, payload: whole(value), reply: true, expect: refused, canary: canary}
	}
	later := func(value string) string { return list(value, text("done")) }
	memo := sent("memo", "a memo index of 64 million", none, memory)
	memo.payload = older(none + put(0x04000000))
	return []attack{
		sent("system", "os.system", later(call("os", "system", text(shell))), touched),
		sent("eval", "eval", later(call("builtins", "eval", text(statement))), touched),
		sent("protocol0", "os.system in protocol 0", later(line("os", "system")+tuple(text(shell))+"R"), touched),
		sent("alias", "an alias in a listed module", later(global("victim", "run")+tuple(list(text("touch"), text(canaryFile)))+"R"), touched),
		sent("import", "a module that nobody listed", later(global("sideeffect", "x")), touched),
		sent("function", "BUILD of a listed function", later(build(global("victim", "transfer"), tuple(none, dict(text("__defaults__"), tuple(number(7)))))), changed),
		sent("live", "SETITEMS of the victim's settings", later(setitems(call("victim", "settings"), text("admin"), yes)), changed),
		sent("class", "BUILD of a listed class", later(build(global("victim", "Account"), tuple(none, dict(text("limit"), number(9))))), changed),
		sent("reduce", "an instance with a __reduce_ex__", later(build(newobj(global("victim", "Plain")), dict(text("__reduce_ex__"), global("builtins", "str")))), entered),
		sent("broken", "os.system, and then no instruction", call("os", "system", text(shell))+"\xff", touched),
		sent("hidden", "BUILD of a listed function behind a cut frame",
			frame(3)+"X\x60\x00\x00\x00\x00\x00"+build(global("victim", "transfer"), tuple(none, dict(text("__defaults__"), tuple(number(7))))), nowhere),
		sent("hash", "tuples nested 600,000 deep as a key", empty+none+strings.Repeat("\x85", 600_000)+"Ns", died),
		sent("doubled", "a tuple of 2^40 leaves as a key", empty+none+"\x85"+remember+doubling(40)+"Ns", busy),
		sent("fraction", "Fraction('1e300000000')", call("fractions", "Fraction", text("1e300000000")), busy),
		memo,
		sent("udf", "a PythonUDF, which the caller did not ask for", udf(global("os", "system"), text(shell)), entered),
	}
}

// doubling makes, n times, a pair that has the value on top of the stack twice. That value is in the memo under 0.
func doubling(n int) string {
	b := ""
	for i := range n {
		b += recall(i) + "\x86" + remember
	}
	return b
}
