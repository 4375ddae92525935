package main

import "strings"

// opcodeAttacks are streams that scanners read otherwise than unpicklers: the streams that got by picklescan and torch's
// weights_only, and the forms of old protocols.
func opcodeAttacks() []attack {
	quoted := "S'" + shell + "'\n"
	system := call("os", "system", text(shell))
	sent := func(name, tries string, payload []byte, canary string) attack {
		return attack{name: "opcode-" + name, tries: tries, payload: payload, expect: refused, canary: canary}
	}
	mild := func(a attack) attack {
		a.expect = harmless
		return a
	}
	honest := string(request(text("x")))
	return []attack{
		sent("protocol0", "GLOBAL, MARK, STRING, TUPLE, REDUCE of protocol 0", []byte("cos\nsystem\n("+quoted+"tR."), touched),
		sent("inst", "INST", olderRequest("("+text(shell)+"ios\nsystem\n"), touched),
		sent("obj", "OBJ", olderRequest("(cos\nsystem\n"+text(shell)+"o"), touched),
		sent("obj-listed", "OBJ of a listed class", olderRequest("(cvictim\nAccount\n"+text("x")+"o"), entered),
		sent("inst-listed", "INST of a listed class", olderRequest("("+text("x")+"ivictim\nAccount\n"), entered),
		sent("newobj", "NEWOBJ of a class that is not listed", request(newobj(global("threading", "Thread"))), entered),
		sent("newobj-ex", "NEWOBJ_EX of a class that is not listed", request(global("threading", "Thread")+tuple()+empty+"\x92"), entered),
		sent("ext1", "EXT1 of a code that nobody has registered", olderRequest("\x82\x01"), nowhere),
		sent("ext4", "EXT4 of the largest code", olderRequest("\x84\xff\xff\xff\x7f"), nowhere),
		sent("persid", "PERSID", olderRequest("Pos.system\n"), nowhere),
		sent("binpersid", "BINPERSID", olderRequest(text("os.system")+"Q"), nowhere),
		sent("buffer", "NEXT_BUFFER without one", request("\x97"), nowhere),
		sent("readonly-buffer", "READONLY_BUFFER of what is no buffer", request("N\x98"), nowhere),
		sent("line", "GLOBAL in text in protocol 4", request("cos\nsystem\n"+tuple(text(shell))+"R"), touched),
		sent("line-in-2", "GLOBAL of a name that is not listed in protocol 2, where its form is allowed", olderRequest("cos\nsystem\n"+tuple(text(shell))+"R"), touched),
		sent("line-space", "GLOBAL of ' os'", olderRequest("c os\nsystem\n"+tuple(text(shell))+"R"), nowhere),
		sent("line-return", "GLOBAL with carriage returns", olderRequest("cos\r\nsystem\r\n"+tuple(text(shell))+"R"), nowhere),
		sent("line-python2", "GLOBAL of __builtin__:eval in protocol 2", olderRequest("c__builtin__\neval\n"+tuple(text(statement))+"R"), touched),
		sent("broken-end", "REDUCE, and then no instruction: scanners stop there, and unpicklers have called it", []byte("\x80\x04"+system+"\xff."), touched),
		sent("no-stop", "REDUCE, and then nothing", []byte("\x80\x04"+system), touched),
		sent("cut-text", "REDUCE, and then a text that is longer than the rest", []byte("\x80\x04"+system+"X\xff\x00\x00\x00."), touched),
		sent("underflow", "REDUCE, and then POP of an empty stack", []byte("\x80\x04"+system+"000000."), touched),
		sent("protocol-twice", "PROTO in the middle", []byte("\x80\x04"+"\x80\x02"+system+"."), touched),
		sent("protocol-9", "PROTO 9", []byte("\x80\x09N."), nowhere),
		sent("after-stop", "a second pickle behind STOP", []byte(honest+string(request(system))), entered),
		sent("rubbish-after-stop", "rubbish behind STOP", []byte(honest+"\x00\x01"), entered),
		sent("memo-name", "STACK_GLOBAL of names out of the memo", request(after(text("os")+remember, text("system")+remember,
			reduce(recall(0)+recall(1)+"\x93", text(shell)), text("done"))), touched),
		sent("memo-overwritten", "a callable out of the memo that was another one before", olderRequest(after(line("victim", "echo")+put(0),
			line("os", "system")+put(0), reduce(recall(0), text(shell)), text("done"))), touched),
		sent("memo-hidden", "STACK_GLOBAL under values that are popped", request(after(text("os")+text("system")+text("victim")+"0"+"\x93"+tuple(text(shell))+"R", text("done"))), touched),
		sent("pop-mark", "names built across a MARK that is dropped", request(after(text("os")+text("system")+"("+text("victim")+text("echo")+"1"+"\x93"+tuple(text(shell))+"R", text("done"))), touched),
		sent("dup", "DUP of the callable", request(after(global("os", "system")+"2"+tuple(text(shell))+"R0", text("done"))), touched),
		sent("global-of-number", "STACK_GLOBAL of numbers", request(number(1)+number(2)+"\x93"), nowhere),
		sent("global-of-subclass", "STACK_GLOBAL of an object that is no text", request(newobj(global("victim", "Plain"))+text("x")+"\x93"), nowhere),
		sent("reduce-no-tuple", "REDUCE with a list for arguments", request(global("os", "system")+list(text(shell))+"R"), nowhere),
		sent("callable-of-call", "REDUCE of what a call has returned", request(after(reduce(call("victim", "echo", global("os", "system")), text(shell)), text("done"))), touched),
		sent("udf-function", "os.system as the function of the request", whole(udf(global("os", "system"), text(shell))), touched),
		mild(sent("udf-instance", "an instance of a listed class with a __call__ as the function", whole(udf(newobj(global("victim", "Audited")), text("x"))), nowhere)),
		sent("udf-method", "a method of a listed class's instance that it has from os", whole(udf(call("builtins", "getattr", newobj(global("victim", "Account")), text("system")), text(shell))), touched),
		sent("udf-none", "no PythonUDF at all, but a call", whole(system), touched),
		sent("string-quotes", "STRING with an escape", []byte("cos\nsystem\n(S'touch\\x20"+canaryFile+"'\ntR."), touched),
		sent("unicode-escape", "UNICODE with escapes for the name", []byte("\x80\x04V\\u006fs\nV\\u0073ystem\n\x93("+"V"+shell+"\ntR."), touched),
		sent("long-text-number", "LONG in text with a sign and spaces", []byte("L   "+strings.Repeat("9", 20)+"L\n."), nowhere),
		sent("int-as-bool", "INT 01 and 00", []byte("I01\n."), nowhere),
		sent("list-of-mark", "APPENDS on a tuple", request(tuple()+"("+number(1)+"e"), nowhere),
		sent("setitem-on-class", "SETITEM on a listed class", request(after(global("victim", "Account")+text("limit")+number(9)+"s", text("done"))), nowhere),
		sent("setitem-on-global", "SETITEM on a global dict", request(after(global("victim", "_settings")+text("admin")+yes+"s", text("done"))), changed),
		sent("empty", "nothing at all", []byte{}, nowhere),
		sent("zip", "a zip file, as torch.save makes one", []byte("PK\x03\x04"+strings.Repeat("\x00", 64)), nowhere),
	}
}
