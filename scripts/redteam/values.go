package main

// valueAttacks are attacks on a list whose entry is value:victim:Account, which lets instances in and calls nothing.
func valueAttacks() []attack {
	account := global("victim", "Account")
	instance := build(newobj(account), dict(text("owner"), text("x")))
	sent := func(name, tries string, payload []byte, expect outcome, canary string) attack {
		return attack{name: "value-" + name, tries: tries, allow: []string{"victim:echo", "value:victim:Account"}, payload: payload, expect: expect, canary: canary}
	}
	return []attack{
		sent("instance", "an instance, with its state, as an argument", request(after(instance, text("done"))), harmless, entered),
		sent("call", "a call of the class", request(after(reduce(account, text("x")), text("done"))), refused, entered),
		sent("function", "the class as the function of the request", whole(udf(account, text("x"))), refused, entered),
		sent("method", "a method of an instance", whole(udf(call("builtins", "getattr", instance, text("spend")), number(5))), refused, entered),
		sent("class-method", "a class method", whole(udf(call("builtins", "getattr", account, text("named")), text("x"))), refused, entered),
		sent("class-method-dotted", "the same by its dotted name", whole(udf(global("victim", "Account.named"), text("x"))), refused, entered),
		sent("other", "an instance of another class of the module", request(after(newobj(global("victim", "Plain")), text("done"))), refused, entered),
		sent("newobj-arguments", "an instance whose __new__ has arguments", request(after(newobj(account, text("x")), text("done"))), harmless, entered),
		sent("append", "APPENDS to an instance", request(after(additions(newobj(account), text("x")), text("done"))), refused, nowhere),
		sent("callable-argument", "a function of the module as an argument", request(after(global("victim", "transfer"), text("done"))), refused, entered),
	}
}
