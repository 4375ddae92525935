package main

// buildAttacks set attributes, with BUILD, of objects that the payload has not made, and attributes that peers may not set.
func buildAttacks() []attack {
	slots := func(items ...string) string { return tuple(none, dict(items...)) }
	sent := func(name, tries, value, canary string) attack {
		return attack{name: "build-" + name, tries: tries, payload: request(after(value, text("done"))), expect: refused, canary: canary}
	}
	back := func(a attack, value string) attack { // as a result, which is pickled
		a.payload = request(value)
		return a
	}
	mild := func(a attack) attack {
		a.expect = harmless
		return a
	}
	plain := newobj(global("victim", "Plain"))
	account := global("victim", "Account")
	state := func(items ...string) string { return build(plain, dict(items...)) }
	listed := sent("attributes-class", "the class of a listed instance, as an attribute", state(text("__class__"), global("victim", "Account")), entered)
	return []attack{
		sent("function", "__defaults__ of a listed function", build(global("victim", "transfer"), slots(text("__defaults__"), tuple(number(7), text("attacker")))), changed),
		sent("function-code", "__code__ of a listed function", build(global("victim", "transfer"), slots(text("__module__"), text("math"))), changed),
		sent("function-dict", "an attribute of a listed function", build(global("victim", "transfer"), dict(text("mark"), number(1))), changed),
		sent("class", "an attribute of a listed class", build(account, slots(text("limit"), number(1<<30))), changed),
		sent("class-method", "a method of a listed class", build(account, slots(text("spend"), global("victim", "echo"))), changed),
		sent("exception-class", "an attribute of an exception class of gopyrpc", build(global("gopyrpc.internal", "RemoteError"), slots(text("__module__"), text("victim"))), nowhere),
		sent("own-function", "__defaults__ of a receiver of gopyrpc", build(global("gopyrpc.internal", "_receive_tensor"), slots(text("__defaults__"), tuple(number(0)))), changed),
		sent("own-udf", "PythonUDF itself", build(global("gopyrpc.internal", "PythonUDF"), slots(text("__module__"), text("victim"))), changed),
		sent("enum", "the value of an enum's member", build(call("victim", "Color", number(1)), dict(text("_value_"), number(9))), changed),
		sent("enum-slots", "the same as a slot", build(call("victim", "Color", number(1)), slots(text("_value_"), number(9))), changed),
		sent("kept", "an instance that a listed function returns", build(call("victim", "kept"), dict(text("level"), number(9))), changed),
		sent("kept-name", "an instance that the module has under a name", build(global("victim", "_kept"), dict(text("level"), number(9))), changed),
		sent("kept-slots", "a slot of an instance that a listed function returns", build(call("victim", "slotted"), slots(text("value"), number(9))), changed),
		sent("decorator", "the function inside a decorator object", build(global("victim", "audited"), dict(text("fn"), global("victim", "echo"))), changed),
		sent("builtin", "BUILD of a builtin function", build(global("builtins", "len"), dict(text("x"), number(1))), nowhere),
		sent("tensor-class", "attributes of a bytes object", build(blob("x"), dict(text("x"), number(1))), nowhere),
		listed,
		back(sent("attributes-reduce", "__reduce_ex__ of an instance that is sent back", "", touched),
			state(text("__reduce_ex__"), global("builtins", "str"), text("__module__"), text("sideeffect"))),
		back(sent("attributes-reduce-call", "__reduce__ of an instance that is sent back", "", entered),
			state(text("__reduce__"), global("victim", "live"))),
		sent("attributes-module", "__module__ of a listed instance", state(text("__module__"), text("os")), entered),
		sent("attributes-dict", "__dict__ of a listed instance", build(plain, slots(text("__dict__"), dict(text("a"), number(1)))), entered),
		sent("attributes-dict-live", "the victim's settings as the __dict__ of an instance, and then an attribute",
			build(build(plain, slots(text("__dict__"), call("victim", "settings"))), dict(text("admin"), yes)), changed),
		mild(sent("attributes-setstate", "__setstate__ of an instance, and then BUILD", build(state(text("__setstate__"), global("victim", "echo")), call("victim", "settings")), entered)),
		mild(sent("attributes-init", "__init__ of an instance", state(text("__init__"), global("victim", "echo")), entered)),
		sent("attributes-slot-class", "__class__ as a slot of an instance", build(plain, slots(text("__class__"), global("victim", "Account"))), entered),
		sent("attributes-class-outside", "__class__ as a slot, of a class that is not listed", build(plain, slots(text("__class__"), global("threading", "Event"))), entered),
		sent("attributes-no-text", "an attribute whose name is no text", build(plain, dict(number(1), number(1))), entered),
		sent("remote-exception", "the state of a RemoteException, which has its policy", build(call("gopyrpc.internal", "_remote_exception", empty), slots(text("_policy"), none)), nowhere),
		sent("exception", "the state of an exception: its __traceback__", build(call("builtins", "ValueError", text("x")), dict(text("__traceback__"), number(1))), nowhere),
		sent("exception-kind", "the state of an exception: its __class__", build(call("builtins", "ValueError", text("x")), dict(text("__class__"), global("builtins", "KeyError"))), nowhere),
		sent("decimal", "the state of a Decimal", build(call("decimal", "Decimal", text("1")), slots(text("_exp"), number(1))), nowhere),
		sent("date", "the state of a date, twice", build(call("datetime", "date", number(2020), number(1), number(1)), dict(text("x"), number(1))), nowhere),
		sent("twice", "BUILD of one instance twice, the second time with a class", build(state(text("a"), number(1)), slots(text("__class__"), global("victim", "Account"))), entered),
		sent("partial", "the function of a functools.partial", build(call("functools", "partial", global("victim", "echo")), tuple(global("os", "system"), tuple(), empty, none)), entered),
	}
}
