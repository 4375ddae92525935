package main

// chainAttacks reach their end in two steps and more, each of which looks innocent.
func chainAttacks() []attack {
	sh, file := text(shell), text(canaryFile)
	chain := func(name, tries, value, canary string, imports ...string) attack {
		return attack{name: "chain-" + name, tries: tries, payload: request(after(value, text("done"))), expect: refused, canary: canary, imports: imports}
	}
	back := func(name, tries, value, canary string) attack { // as the result
		a := chain(name, tries, none, canary)
		a.payload = request(value)
		return a
	}
	compiled := call("builtins", "compile", text(statement), text(""), text("exec"))
	system := call("builtins", "getattr", call("builtins", "__import__", text("os")), text("system"))
	return []attack{
		chain("getattr", "getattr(__import__('os'), 'system')", reduce(system, sh), touched),
		chain("getattr-globals", "getattr of a listed function's __globals__", call("builtins", "getattr", global("victim", "transfer"), text("__globals__")), entered),
		chain("getattr-alias", "getattr of an attribute of a listed class that is pickle.loads",
			reduce(call("builtins", "getattr", global("victim", "Account"), text("_loads")), blob("cos\nsystem\n(S'"+shell+"'\ntR.")), touched),
		chain("getattr-static", "getattr of a static method of a listed class that is subprocess.run",
			reduce(call("builtins", "getattr", global("victim", "Account"), text("_run")), list(text("touch"), file)), touched),
		chain("getattr-delegate", "getattr of a listed instance that hands out the attributes of os",
			reduce(call("builtins", "getattr", newobj(global("victim", "Account")), text("system")), sh), touched),
		chain("getattr-init", "getattr of the __init__ of a listed class, called on a value that lives",
			reduce(call("builtins", "getattr", global("victim", "Plain"), text("__setattr__")), call("victim", "kept"), text("level"), number(9)), changed),
		chain("function-type", "compile, types.FunctionType", reduce(call("types", "FunctionType", compiled, empty)), touched),
		chain("code-type", "types.CodeType, whose name alone is enough", call("types", "CodeType", number(0)), nowhere),
		chain("method-type", "types.MethodType of eval", reduce(call("types", "MethodType", global("builtins", "eval"), text(statement))), touched),
		chain("partial", "functools.partial of os.system", reduce(call("functools", "partial", global("os", "system"), sh)), touched),
		chain("partial-state", "functools.partial of a listed function, whose function BUILD exchanges",
			reduce(build(call("functools", "partial", global("victim", "echo")), tuple(global("os", "system"), tuple(sh), empty, none))), touched),
		chain("reduce", "functools.reduce(open, ['w'], …)", call("functools", "reduce", global("builtins", "open"), list(text("w")), file), touched),
		chain("cached-property", "functools.singledispatch's registry", call("functools", "singledispatch", global("victim", "echo")), entered),
		chain("map", "list(map(eval, …))", call("builtins", "list", call("builtins", "map", global("builtins", "eval"), list(text(statement)))), touched),
		chain("attrgetter", "operator.attrgetter('__globals__') of a listed function",
			reduce(call("operator", "attrgetter", text("__globals__")), global("victim", "transfer")), entered),
		chain("attrgetter-system", "operator.attrgetter('os.system') of a listed module's function's globals",
			reduce(reduce(call("operator", "attrgetter", text("system")), call("builtins", "__import__", text("os"))), sh), touched),
		chain("methodcaller", "operator.methodcaller('touch') of a path",
			reduce(call("operator", "methodcaller", text("touch")), call("pathlib", "Path", file)), touched),
		chain("itemgetter", "operator.itemgetter of the victim's settings", call("operator", "setitem", call("victim", "settings"), text("admin"), yes), changed),
		chain("or", "_operator.or_, which is for enum flags, on the victim's settings",
			call("_operator", "ior", call("victim", "settings"), dict(text("admin"), yes)), changed),
		chain("finalize", "weakref.finalize(object, os.system, …)", call("weakref", "finalize", newobj(global("victim", "Plain")), global("os", "system"), sh), touched),
		chain("copyreg-newobj", "copyreg.__newobj__ of subprocess.Popen", call("copyreg", "__newobj__", global("subprocess", "Popen")), entered),
		chain("copyreg-reconstructor", "copyreg._reconstructor of a class that is not listed", call("copyreg", "_reconstructor", global("threading", "Thread"), global("builtins", "object"), none), entered),
		chain("copyreg-pickle", "copyreg.pickle, which changes how all pickle", call("copyreg", "pickle", global("victim", "Plain"), global("builtins", "eval")), changed),
		chain("copyreg-extension", "copyreg.add_extension, then EXT1",
			after(call("copyreg", "add_extension", text("os"), text("system"), number(240)), reduce("\x82\xf0", sh)), touched),
		chain("codecs-open", "codecs.open", call("codecs", "open", file, text("w")), touched),
		chain("codecs-encode", "_codecs.encode with an encoding that is a module", call("_codecs", "encode", text("x"), text("idna")), imported, "encodings.idna"),
		chain("codecs-decode", "codecs.decode", call("codecs", "decode", text("x"), text("rot13")), entered),
		chain("codecs-register", "codecs.register of a function that is asked for every encoding", call("codecs", "register", global("builtins", "eval")), entered),
		chain("enum-functional", "enum.Enum('Made', …), which makes a class", call("enum", "Enum", text("Made"), text("a b")), entered),
		chain("metaclass", "enum.EnumMeta, called as a class", call("enum", "EnumMeta", text("Made"), tuple(), empty), "", "enum"),
		chain("subclasses", "object.__subclasses__ by a dotted name", reduce(global("builtins", "object.__subclasses__")), entered),
		chain("mro", "the __subclasses__ of a listed class", reduce(global("victim", "Account.__subclasses__")), entered),
		chain("namedtuple", "collections.namedtuple, which evaluates what it is given", call("collections", "namedtuple", text("Made"), text("a b")), entered),
		chain("dataclass", "dataclasses.make_dataclass, which runs code that it writes", call("dataclasses", "make_dataclass", text("Made"), list(text("a"))), entered),
		back("string-formatter", "str.format by its dotted name", reduce(global("builtins", "str.format"), text("{0.__globals__}"), global("victim", "transfer")), leaked),
		chain("str-method", "bytes.fromhex by its dotted name", reduce(global("builtins", "bytes.fromhex"), text("00")), entered),
		chain("generator", "types.coroutine and asyncio.run", call("asyncio", "run", none), "", "asyncio"),
		chain("contextvar", "contextvars.copy_context().run(eval)", reduce(reduce(global("contextvars", "copy_context")), text("x")), ""),
		back("property", "the function of a property of a listed class", reduce(global("victim", "Account.secret.fget"), none), leaked),
	}
}
