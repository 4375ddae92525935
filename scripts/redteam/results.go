package main

import "strings"

// resultAttacks have code run when the result is pickled, or the exception told.
func resultAttacks() []attack {
	plain := newobj(global("victim", "Plain"))
	sent := func(name, tries, value string, expect outcome, canary string) attack {
		return attack{name: "result-" + name, tries: tries, payload: request(value), expect: expect, canary: canary, imports: []string{"this", "antigravity"}}
	}
	with := func(items ...string) string { return build(plain, dict(items...)) }
	str := global("builtins", "str")
	return []attack{
		sent("import", "an instance whose __reduce_ex__ is str and whose __module__ is a module on sys.path", with(text("__reduce_ex__"), str, text("__module__"), text("sideeffect")), refused, touched),
		sent("import-listed", "the same with a module of the standard library", with(text("__reduce_ex__"), str, text("__module__"), text("antigravity")), refused, imported),
		sent("reduce", "an instance whose __reduce_ex__ is a listed function", with(text("__reduce_ex__"), global("victim", "echo")), refused, nowhere),
		sent("getstate", "an instance whose __getstate__ is a listed function", with(text("__getstate__"), global("victim", "settings")), harmless, entered),
		sent("newargs", "an instance whose __getnewargs_ex__ is a listed function", with(text("__getnewargs_ex__"), global("victim", "settings")), harmless, entered),
		sent("class", "an instance that says that it is a str", with(text("__class__"), str), refused, entered),
		sent("slots", "an instance with a __slots__", with(text("__slots__"), list(text("a"))), harmless, entered),
		sent("deep", "an instance whose attribute is an instance, 5,000 deep", deepInstances(5000), refused, nowhere),
		sent("exception-notes", "an exception with notes that are no list", build(call("builtins", "ValueError", text("x")), dict(text("__notes__"), number(1))), harmless, entered),
		sent("exception-args", "an exception of arguments that are an instance", call("builtins", "KeyError", plain), harmless, entered),
		sent("exception-escape", "an exception of a text with escapes", call("builtins", "ValueError", text("\x1b]0;x\x07")), harmless, entered),
		{name: "result-exception-raised", tries: "a listed function that fails with an argument whose __repr__ is set", expect: harmless, canary: nowhere,
			payload: whole(udf(global("victim", "transfer"), with(text("x"), number(1)), none, none))},
		sent("global", "a listed function as the result", global("victim", "transfer"), harmless, entered),
		sent("unlisted-class", "the class of a listed instance", global("victim", "Account"), harmless, entered),
		sent("settings", "the settings of the victim, which a listed function returns", call("victim", "settings"), harmless, entered),
	}
}

func deepInstances(n int) string {
	return strings.Repeat(newobj(global("victim", "Plain"))+"}"+text("a"), n) + none + strings.Repeat("sb", n)
}
