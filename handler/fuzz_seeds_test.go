package handler_test

import (
	"bytes"
	"errors"
	"strings"

	"github.com/gopyrpc/gopyrpc/handler"
)

func noOutcome(err error) bool {
	return errors.Is(err, handler.DeserializeError) || errors.Is(err, handler.SerializeError)
}

// hostile are payloads that go round an unpickler's find_class, or that have crashed one.
func hostile() [][]byte {
	const (
		udf   = "cgopyrpc.internal\nPythonUDF\n"
		greet = "cudfs\ngreet\n"
		depth = 3_000
	)
	seeds := []string{
		"", ".", "N.", "hello", "\x80\x05.", "\x80\x09.",
		// REDUCE, INST, OBJ, NEWOBJ and NEWOBJ_EX of what is not on the list.
		"cposix\nsystem\n(Vtrue\ntR.", "(Vtrue\niposix\nsystem\n.", "(cposix\nsystem\nVtrue\no.",
		"\x80\x05\x8c\x05posix\x8c\x06system\x93\x8c\x04true\x85R.", "cbuiltins\neval\n(V1\ntR.",
		"\x80\x05cudfs\nCounter\n(K\x01t\x81.", "\x80\x05cudfs\nCounter\n)}\x92.",
		// Dotted names, names of modules, what the listed module imports.
		"\x80\x05\x8c\x04udfs\x8c\x09os.system\x93.", "\x80\x05\x8c\x04udfs\x8c\x0egreet.__code__\x93.",
		"\x80\x05\x8c\x04udfs\x8c\x11greet.__globals__\x93.", "cudfs\nos\n.", "cudfs\nshell\n.",
		// BUILD on what is allowed: a function's defaults, a class, an instance.
		greet + "}V__defaults__\n(I1\ntsb.", greet + "(N}V__kwdefaults__\n}VX\nI1\nsstb.",
		udf + "}V__new__\n" + greet + "sb.", "cdatetime\ndate\n}V__init__\n" + greet + "sb.",
		"cbuiltins\nKeyError\n(tR}V__traceback__\nNsb.",
		// The extension registry's cache, by its three instructions; persistent ids.
		"\x82\x01.", "\x83\x01\x00.", "\x84\x01\x00\x00\x00.", "P0\n.", "\x80\x05K\x00Q.",
		// Lengths and memo indices out of all proportion.
		string(claiming(0x8e, 1<<30)), string(claiming(0x96, 1<<62)), string(claiming(0x95, 1<<40)),
		"Nr\xff\xff\xff\xff.", "Np999999999\n.", "Nq\xff.", "\x80\x05\x8b\xff\xff\xff\x7f.", "\x8a\xff.",
		// getattr and codecs.encode as protocols 0 to 2 use them, and not.
		"cbuiltins\ngetattr\n(cbuiltins\nstr\nVupper\ntR.", "cbuiltins\ngetattr\n(" + greet + "V__globals__\ntR.",
		"c_codecs\nencode\n(V\xff\nVlatin1\ntR.", "c_codecs\nencode\n(Vx\nVbz2\ntR.",
		// Objects whose making does more than it seems.
		"ccollections\ndefaultdict\n(" + greet + "tR(V1\nV2\nu.", "cbuiltins\nbytearray\n(I1000\ntR.",
		"ccopyreg\n_reconstructor\n(cudfs\nCounter\ncbuiltins\nobject\nNtR.", "c_operator\nor_\n(I1\nI2\ntR.",
		"cgopyrpc.internal\n_remote_exception\n(}tR.", "cgopyrpc.internal\n_remote_exception\n(Nt\x86R.",
		"cgopyrpc.internal\n_remote_exception\n(}Verrors\n](}Vmodule\nVudfs\nsVqualname\nVshell\nsesVworker\nVw\nstR.",
		"cgopyrpc.internal\n_receive_tensor\n(I0\ntR.", "cgopyrpc.internal\nAllowList\n(tR.",
		// A call of the allowed function with forms of its arguments that it does not expect.
		udf + "(" + greet + "(t(dtR.", udf + "(" + greet + "(NNNt(dtR.", udf + "(" + greet + "N}tR.", udf + "(NNNtR.",
		udf + "(" + greet + "(Vx\nt(I1\nI2\ndtR.", udf + "(cbuiltins\nint\n(V1\nt(dtR.",
		// A UDF that returns itself, and memo games.
		udf + "(cbuiltins\nlist\n(]p0\ng0\natt(dtR.", "]p0\ng0\na.", "}p0\nV1\ng0\ns.",
		// Depth: lists, tuples, which hash() recurses into, and dicts.
		strings.Repeat("]", 200) + strings.Repeat("a", 199) + ".",
		"N" + strings.Repeat("\x85", depth) + ".", "}N" + strings.Repeat("\x85", depth) + "Ns.",
		udf + "(cbuiltins\nlist\n(" + strings.Repeat("]", depth) + strings.Repeat("a", depth-1) + "t(dtR.",
		udf + "(cbuiltins\nstr\n(" + strings.Repeat("]", depth) + strings.Repeat("a", depth-1) + "t(dtR.",
		strings.Repeat("(", depth) + strings.Repeat("t", depth) + ".",
	}
	out := make([][]byte, 0, len(seeds)+1)
	for _, s := range seeds {
		out = append(out, []byte(s))
	}
	return append(out, bytes.Repeat([]byte("0"), 100))
}
