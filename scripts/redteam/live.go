package main

// liveAttacks change containers that the payload has not made, with the instructions that fill containers.
func liveAttacks() []attack {
	sent := func(name, tries, value, canary string) attack {
		return attack{name: "live-" + name, tries: tries, payload: request(after(value, text("done"))), expect: refused, canary: canary}
	}
	mild := func(a attack) attack {
		a.expect = harmless
		return a
	}
	return []attack{
		sent("dict", "SETITEMS of a dict that a listed function returns", setitems(call("victim", "settings"), text("admin"), yes), changed),
		sent("dict-one", "SETITEM of it", call("victim", "settings")+text("admin")+yes+"s", changed),
		sent("list", "APPENDS of a list that a listed function returns", additions(call("victim", "live"), text("second")), changed),
		sent("list-one", "APPEND of it", call("victim", "live")+text("second")+"a", changed),
		sent("set", "ADDITEMS of a set that a listed function returns", members(call("victim", "members"), text("attacker")), changed),
		sent("subclass", "APPENDS of an instance with an extend of its own", additions(call("victim", "recorder"), text("x")), changed),
		sent("environ", "SETITEMS of os.environ, which a listed function returns", setitems(call("victim", "environment"), text("LD_PRELOAD"), text("x")), changed),
		sent("memo", "the same by way of the memo", after(call("victim", "settings")+remember, setitems(recall(0), text("admin"), yes)), changed),
		sent("shared", "the state of an instance whose attributes all of its class have", build(newobj(global("victim", "Shared")), dict(text("admin"), yes)), changed),
		{name: "live-fetched", tries: "getattr of an instance that a listed class keeps", payload: request(call("builtins", "getattr", global("victim", "House"), text("first"))), expect: refused, canary: leaked},
		{name: "live-called", tries: "a call of an instance that a listed class keeps", payload: whole(udf(call("builtins", "getattr", global("victim", "House"), text("first")))), expect: refused, canary: leaked},
		sent("class-dict", "SETITEMS of a listed class's __dict__", setitems(global("victim", "Account.__dict__"), text("limit"), number(9)), nowhere),
		sent("nested", "SETITEMS of what a listed function returns, inside a list", additions("]", setitems(call("victim", "settings"), text("admin"), yes)), changed),
		sent("echoed", "SETITEMS of it, passed through another listed function", setitems(call("victim", "echo", call("victim", "settings")), text("admin"), yes), changed),
		sent("deque-factory", "a defaultdict whose factory is a listed function that is called for each missing key",
			call("collections", "defaultdict", global("builtins", "input")), entered),
		sent("list-from-iterator", "a list out of a range", call("builtins", "list", call("builtins", "range", number(10))), entered),
		sent("list-from-live", "a list out of what a listed function returns", call("builtins", "list", call("victim", "live")), entered),
		mild(sent("class-with-arguments", "NEWOBJ of a listed class whose arguments are its __init__'s", build(newobj(global("victim", "Account"), text("x")), empty), entered)),
		sent("newobj-function", "NEWOBJ of a listed function", newobj(global("victim", "transfer")), nowhere),
		sent("newobj-builtin", "NEWOBJ of a builtin class that computes", newobj(global("builtins", "range"), number(1), number(1<<40)), entered),
		sent("newobj-type", "NEWOBJ of type", newobj(global("builtins", "type"), text("Made"), tuple(), empty), entered),
		sent("newobj-str", "NEWOBJ of str, of bytes with an encoding", newobj(global("builtins", "str"), blob("x"), text("idna")), entered),
		sent("newobj-kwargs", "NEWOBJ_EX with keyword arguments that the class does not know", global("victim", "Plain")+tuple()+dict(text("x"), number(1))+"\x92", nowhere),
	}
}
