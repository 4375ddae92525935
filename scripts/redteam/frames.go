package main

import "strings"

// frameAttacks are frames and claims on which two readers disagree, so that the second reader runs what the first has not seen.
func frameAttacks() []attack {
	// A frame that ends inside the length of a text. C's unpickler, which reads a file, drops the rest of the frame and
	// reads on behind the frame.
	hidden := func(value string) []byte {
		rest := value + "."
		return []byte("\x80\x04" + frame(3) + "X" + little(2, uint64(len(rest))) + "\x00\x00\x00\x00" + rest)
	}
	system := call("os", "system", text(shell))
	defaults := build(global("victim", "transfer"), tuple(none, dict(text("__defaults__"), tuple(number(7), text("attacker")))))
	honest := udf(global("victim", "echo"), text("x"))
	sent := func(name, tries string, payload []byte, canary string) attack {
		return attack{name: "frame-" + name, tries: tries, payload: payload, expect: refused, canary: canary}
	}
	// The control of these attacks reads from a file, too: a reader of memory drops nothing.
	fromFile := func(a attack) attack {
		a.file = true
		return a
	}
	return []attack{
		fromFile(sent("hidden-call", "a call behind a frame that ends inside a length", hidden(system), touched)),
		fromFile(sent("hidden-defaults", "BUILD of a listed function's __defaults__ there", hidden(defaults), changed)),
		fromFile(sent("hidden-memo", "a memo index of 64 million there", hidden(none+put(0x04000000)), memory)),
		fromFile(sent("hidden-extension", "an extension code there", hidden("\x82\x01"), nowhere)),
		fromFile(sent("hidden-depth", "tuples nested 600,000 deep there, and a hash", hidden(empty+none+strings.Repeat("\x85", 600_000)+"Ns"), died)),
		sent("too-long", "a frame that is longer than the pickle", []byte("\x80\x04"+frame(1<<20)+honest+"."), nowhere),
		sent("huge", "a frame of 2^63 bytes", []byte("\x80\x04"+frame(1<<63)+honest+"."), nowhere),
		sent("most", "a frame of 2^64-1 bytes", []byte("\x80\x04"+frame(1<<64-1)+honest+"."), nowhere),
		sent("crossing", "an instruction that crosses the end of its frame", []byte("\x80\x04"+frame(10)+honest+"."), entered),
		sent("inside", "a frame inside a frame", []byte("\x80\x04"+frame(uint64(len(honest)+10))+frame(uint64(len(honest)+1))+honest+"."), entered),
		sent("protocol-3", "a frame in protocol 3", []byte("\x80\x03"+frame(uint64(len(honest)+1))+honest+"."), entered),
		sent("unfinished", "STOP before the frame ends", []byte("\x80\x04"+frame(uint64(len(honest)+5))+honest+"."+"NNNN"), entered),
		sent("empty", "a frame of no bytes", []byte("\x80\x04"+frame(0)+honest+"."), entered),
		sent("claim-text", "BINUNICODE8 that claims 2^62 bytes", []byte("\x80\x04\x8d"+little(8, 1<<62)+"."), nowhere),
		sent("claim-bytes", "BINBYTES8 that claims 2^63 bytes", []byte("\x80\x04\x8e"+little(8, 1<<63)+"."), nowhere),
		sent("claim-bytearray", "BYTEARRAY8 that claims 8 GiB", []byte("\x80\x05\x96"+little(8, 8<<30)+"."), memory),
		sent("claim-long", "LONG4 that claims 2^31-1 bytes", []byte("\x80\x04\x8b"+little(4, 1<<31-1)+"."), nowhere),
		sent("claim-long-negative", "LONG4 that claims -1 bytes", []byte("\x80\x04\x8b\xff\xff\xff\xff."), nowhere),
		sent("memo-index", "a memo index of 64 million", olderRequest(none+put(0x04000000)), memory),
		sent("memo-index-text", "PUT of the index 80000000, in text", []byte("\x80\x04Np80000000\n."), memory),
		sent("memo-index-negative", "PUT of the index -1", []byte("\x80\x04Np-1\n."), nowhere),
		sent("memo-unset", "a memo entry that there is not", request(recall(77)), nowhere),
		sent("memo-gap", "memo indices with gaps", olderRequest(text("x")+put(5)), entered),
	}
}
