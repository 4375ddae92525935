package main

// edgeAttacks look for code that runs while a name is looked up or a value of the protocol's own is used.
func edgeAttacks() []attack {
	sent := func(name, tries string, allow []string, payload []byte, expect outcome, canary string) attack {
		return attack{name: "edge-" + name, tries: tries, allow: allow, payload: payload, expect: expect, canary: canary}
	}
	echo := func(value string) []byte { return request(after(value, text("done"))) }
	textOf := func(value string) []byte { return whole(udf(global("victim", "text_of"), value)) }
	unicode := func(class, object string, start, end int64) string {
		return call("builtins", class, text("utf8"), object, number(start), number(end), text("r"))
	}
	below := []string{"victim", "package.*"}
	return []attack{
		sent("module-getattr", "a name that a listed module has not, and for which its __getattr__ imports another", []string{"victim", "lazy"}, echo(global("lazy", "other")), refused, touched),
		sent("module-getattr-dotted", "the same behind a dot", []string{"victim", "lazy"}, echo(reduce(global("lazy", "other.x"))), refused, touched),
		sent("package-main", "the __main__ of a listed package, which runs when it is imported", below, echo(reduce(global("package.__main__", "x"))), refused, touched),
		sent("package-honest", "a module of a listed package", below, whole(udf(global("package.part", "work"))), harmless, entered),
		sent("package-outside", "package.part.os, by a dotted name", below, echo(reduce(global("package.part", "__builtins__.get"), text("eval"))), refused, entered),
		sent("package-itself", "the package, which package.* does not list", below, echo(reduce(global("package", "part.work"))), refused, nowhere),
		sent("unicode-before", "the text of a UnicodeDecodeError about a byte far before the first", nil, textOf(unicode("UnicodeDecodeError", blob("x"), -1<<40, -1<<40+1)), refused, died),
		sent("unicode-encode-before", "the text of a UnicodeEncodeError about a character before the first", nil, textOf(unicode("UnicodeEncodeError", text("x"), -1<<40, -1<<40+1)), refused, nowhere),
		sent("unicode-object", "the text of a UnicodeDecodeError about something that is no bytes", nil,
			textOf(build(unicode("UnicodeDecodeError", blob("x"), 0, 1), dict(text("object"), number(1)))), refused, entered),
		sent("group", "an ExceptionGroup of what are no exceptions", nil, echo(call("builtins", "ExceptionGroup", text("m"), list(number(1)))), refused, nowhere),
		sent("exception-many", "an exception of 100,000 arguments", nil, echo(call("builtins", "ValueError", repeat(none, 100_000)...)), harmless, entered),
		sent("exception-class", "an exception class as the function", nil, whole(udf(global("builtins", "SystemExit"), number(3))), refused, entered),
		sent("or", "_operator.or_ of two dicts that a listed function returns", nil, echo(call("_operator", "or_", call("victim", "settings"), dict(text("admin"), yes))), refused, entered),
		sent("or-function", "_operator.or_ as the function", nil, whole(udf(global("_operator", "or_"), number(1), number(2))), refused, entered),
		sent("timezone", "a timezone of an offset of a year", nil, echo(call("datetime", "timezone", call("datetime", "timedelta", number(365)))), refused, nowhere),
		sent("datetime-tz", "a datetime whose time zone is an instance of a listed class", nil,
			echo(call("datetime", "datetime", blob("\x07\xe4\x01\x01\x00\x00\x00\x00\x00\x00"), newobj(global("victim", "Plain")))), refused, nowhere),
		sent("timedelta", "a timedelta of 10^30 days", nil, echo(call("datetime", "timedelta", natural("\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x7f"))), refused, nowhere),
		sent("deque-bound", "a deque whose bound is negative", nil, echo(call("collections", "deque", tuple(), number(-1))), refused, nowhere),
		sent("defaultdict-call", "a defaultdict whose factory is a listed function", nil, echo(call("collections", "defaultdict", global("victim", "settings"))), harmless, entered),
		sent("counter-text", "a Counter of a text", nil, echo(call("collections", "Counter", text("aaa"))), refused, entered),
		sent("ordered-pairs", "an OrderedDict of what is no list of pairs", nil, echo(call("collections", "OrderedDict", call("victim", "settings"))), refused, entered),
		sent("slice-key", "a slice as a key", nil, echo("}"+call("builtins", "slice", "]", none, none)+"Ns"), refused, nowhere),
		sent("nan-keys", "a set of a NaN, a thousand times", nil, echo("\x8f("+joined(repeat(float(nan()), 1000))+"\x90"), harmless, entered),
		sent("keyword-names", "keyword arguments that are no names", nil, whole(newobj(global("gopyrpc.internal", "PythonUDF"), global("victim", "echo"), tuple(text("x")), dict(text("a b\x00"), number(1)))), harmless, entered),
		sent("keyword-numbers", "keyword arguments that are numbers", nil, whole(newobj(global("gopyrpc.internal", "PythonUDF"), global("victim", "echo"), tuple(), dict(number(1), number(1)))), refused, nowhere),
		sent("udf-in-udf", "a PythonUDF of os.system as an argument", nil, echo(udf(global("os", "system"), text(shell))), refused, entered),
		sent("udf-four", "a PythonUDF of four parts", nil, whole(newobj(global("gopyrpc.internal", "PythonUDF"), global("victim", "echo"), tuple(), empty, none)), refused, nowhere),
		sent("udf-call", "a PythonUDF by REDUCE", nil, whole(call("gopyrpc.internal", "PythonUDF", global("os", "system"), tuple(text(shell)), empty)), refused, touched),
		sent("udf-state", "a PythonUDF with a state", nil, whole(build(udf(global("victim", "echo"), text("x")), dict(text("func"), global("os", "system")))), refused, nowhere),
		sent("worker-info", "a WorkerInfo of an id that is a list", nil, echo(newobj(global("gopyrpc.internal", "WorkerInfo"), text("w1"), "]")), harmless, entered),
		sent("forbidden-global", "a ForbiddenGlobal of our own making", nil, echo(call("gopyrpc.internal", "ForbiddenGlobal", text("x"), text("y"))), harmless, entered),
		sent("receive-rref", "an RRef where there is no agent", nil, echo(call("gopyrpc.internal", "_receive_rref", blob("x"))), refused, nowhere),
		sent("call-method", "_call_method of no RRef as the function", nil, whole(udf(global("gopyrpc.internal", "_call_method"), newobj(global("victim", "Fake")), text("system"), tuple(text(shell)), empty)), refused, nowhere),
		sent("script-module", "_receive_script_module, which loads code", nil, echo(call("gopyrpc.internal", "_receive_script_module", blob("x"))), refused, nowhere),
		sent("unpicklable", "an UnpicklableValue of our own making", nil, echo(call("gopyrpc.internal", "UnpicklableValue", text("x"))), harmless, entered),
	}
}
