package main

// exceptionAttacks are records of exceptions, which hold nested pickles, names of classes and texts.
func exceptionAttacks() (all []attack) {
	inner := func(value string) string { return blob(string(whole(value))) }
	record := func(module, qualname string, more ...string) string {
		e := append([]string{text("module"), text(module), text("qualname"), text(qualname), text("text"), text("t"), text("repr"), text("r")}, more...)
		return dict(text("worker"), text("w1"), text("errors"), list(dict(e...)), text("truncated"), "\x89")
	}
	nested := func(key, value string) string {
		return record("builtins", "ValueError", text(key), inner(value))
	}
	args := text("args")
	ok := inner(tuple(text("x")))
	system := tuple(call("os", "system", text(shell)))
	frames := "\x80\x04" + frame(3) + "X" + little(2, uint64(len(system)+1)) + "\x00\x00\x00\x00" + system + "."
	rows := []struct {
		name, tries, record, canary string
	}{
		{"args", "os.system in the nested pickle of the arguments", nested("args", system), touched},
		{"args-function", "a listed function with side effects there", nested("args", tuple(call("victim", "echo", call("os", "system", text(shell))))), touched},
		{"args-hidden", "a call behind a cut frame there", record("builtins", "ValueError", args, blob(frames)), nowhere},
		{"args-build", "BUILD of a listed function there", nested("args", tuple(build(global("victim", "transfer"), tuple(none, dict(text("__defaults__"), tuple(number(7))))))), changed},
		{"args-live", "SETITEMS of the victim's settings there", nested("args", tuple(setitems(call("victim", "settings"), text("admin"), yes))), changed},
		{"state", "os.system in the nested pickle of the attributes", record("builtins", "ValueError", args, ok, text("state"), inner(dict(text("a"), call("os", "system", text(shell))))), touched},
		{"state-class", "__class__ among the attributes", record("builtins", "ValueError", args, ok, text("state"), inner(dict(text("__class__"), global("builtins", "KeyError")))), nowhere},
		{"state-own", "the link back to the record among the attributes", record("builtins", "ValueError", args, ok, text("state"), inner(dict(text("__gopyrpc_remote__"), none))), nowhere},
		{"class", "a class of a module that nobody listed", record("sideeffect", "Error", args, ok), touched},
		{"class-function", "a class that is a function", record("os", "system", args, inner(tuple(text(shell)))), nowhere},
		{"class-exit", "SystemExit, which would end the caller", record("builtins", "SystemExit", args, ok), nowhere},
		{"class-dotted", "a class behind a dotted name", record("victim", "os.error", args, ok), nowhere},
		{"class-unlisted", "a class of a package that is not listed", record("email.errors", "MessageError", args, ok), nowhere},
		{"mro", "a class hierarchy that is made up", record("builtins", "ValueError", args, ok, text("mro"), list(text("os.system"), number(1))), nowhere},
		{"cycle", "a cause that is the exception itself", record("builtins", "ValueError", args, ok, text("cause"), number(0)), nowhere},
		{"group", "a group that holds itself", record("builtins", "ExceptionGroup", text("message"), text("m"), text("members"), list(number(0))), nowhere},
		{"members", "a cause with a number that there is not", record("builtins", "ValueError", args, ok, text("cause"), number(1<<40)), nowhere},
		{"unicode", "a UnicodeDecodeError of an object that is no bytes", record("builtins", "UnicodeDecodeError", args, inner(tuple(text("utf8"), blob("x"), number(0), number(1), text("r"))), text("state"), inner(dict(text("object"), number(1)))), nowhere},
		{"unicode-range", "a UnicodeEncodeError about a position before the first", record("builtins", "UnicodeEncodeError", args, inner(tuple(text("utf8"), text("x"), number(-5), number(1<<40), text("r")))), nowhere},
		{"no-record", "a record that is no dict", list(number(1)), nowhere},
		{"deep", "a record with 100,000 errors", dict(text("worker"), text("w"), text("errors"), list(manyErrors(100_000)), text("truncated"), yes), nowhere},
	}
	for _, r := range rows {
		value := call("gopyrpc.internal", "_remote_exception", r.record)
		a := attack{name: "exception-reply-" + r.name, tries: r.tries, expect: harmless, reply: true, payload: whole(value), canary: r.canary}
		if r.canary == nowhere {
			a.inert = "what a record holds is checked without a list, too"
		}
		all = append(all, a)
		a.name, a.reply, a.payload, a.canary = "exception-request-"+r.name, false, request(value), nowhere
		a.inert = "as an argument an exception is not raised: without a list, nothing reads what it holds"
		all = append(all, a)
	}
	return all
}

// manyErrors are n references to one error.
func manyErrors(n int) string {
	b := make([]byte, 0, n*5)
	for range n {
		b = append(b, recall(0)...)
	}
	return dict(text("module"), text("builtins"), text("qualname"), text("ValueError"), text("text"), text("t"), text("repr"), text("r")) + remember + string(b)
}
