package pickle_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/handler/pickle"
)

// Each rule of the reader, with a pickle that breaks it and nothing else.
func TestRules(t *testing.T) {
	frame := func(size byte) string { return "\x95" + string([]byte{size}) + "\x00\x00\x00\x00\x00\x00\x00" }
	for _, c := range []struct {
		name, data string
		offset     int
		opcode     string
		rule       string
	}{
		{"nothing", "", 0, "", "begins with PROTO"},
		{"no PROTO", "N.", 0, "NONE", "begins with PROTO"},
		{"protocol 1", "\x80\x01N.", 0, "PROTO", "begins with PROTO"},
		{"protocol 6", "\x80\x06N.", 0, "PROTO", "begins with PROTO"},
		{"PROTO again", "\x80\x04\x80\x04N.", 2, "PROTO", "comes once"},
		{"no STOP", "\x80\x04N", 3, "", "ends with STOP"},
		{"behind STOP", "\x80\x04N.N", 3, "STOP", "nothing comes behind"},
		{"nothing left", "\x80\x04.", 2, "STOP", "one value"},
		{"two left", "\x80\x04NN.", 4, "STOP", "one value"},
		{"a mark left", "\x80\x04N(.", 4, "STOP", "one value"},
		{"no opcode", "\x80\x04\xff.", 2, "", "no opcode 0xff"},
		{"newer opcode", "\x80\x02C\x01a.", 2, "SHORT_BINBYTES", "protocol 3 and later"},
		{"newer opcode in 3", "\x80\x03\x8f.", 2, "EMPTY_SET", "protocol 4 and later"},
		{"newer opcode in 4", "\x80\x04\x96\x00\x00\x00\x00\x00\x00\x00\x00.", 2, "BYTEARRAY8", "protocol 5 and later"},
		{"older opcode", "\x80\x04]q\x00.", 3, "BINPUT", "protocol 3 and before"},
		{"older name", "\x80\x04cm\nn\n.", 2, "GLOBAL", "protocol 3 and before"},
		{"cut argument", "\x80\x04J\x01\x02", 2, "BININT", "ends with its argument"},
		{"cut length", "\x80\x04\x8c", 2, "SHORT_BINUNICODE", "ends with its argument"},
		{"cut text", "\x80\x04\x8c\x05abc.", 2, "SHORT_BINUNICODE", "what has a length"},
		{"huge text", "\x80\x04\x8d\xff\xff\xff\xff\xff\xff\xff\xffabc.", 2, "BINUNICODE8", "what has a length"},
		{"negative long", "\x80\x04\x8b\xff\xff\xff\xffabc.", 2, "LONG4", "what has a length"},
		{"text", "\x80\x04\x8c\x01\xff.", 2, "SHORT_BINUNICODE", "UTF-8"},
		{"overlong text", "\x80\x04\x8c\x02\xc0\x80.", 2, "SHORT_BINUNICODE", "UTF-8"},

		{"frame of nothing", "\x80\x04" + frame(0) + "N.", 2, "FRAME", "one byte at least"},
		{"frame beyond the end", "\x80\x04" + frame(9) + "N.", 2, "FRAME", "what has a length"},
		{"frame in a frame", "\x80\x04" + frame(11) + frame(1) + "N.", 11, "FRAME", "within another"},
		{"frame that ends in an argument", "\x80\x04" + frame(2) + "\x8c\x03abc.", 11, "SHORT_BINUNICODE", "what has a length"},
		{"frame that ends in a length", "\x80\x04" + frame(3) + "X\x01\x00\x00\x00a.", 11, "BINUNICODE", "ends with its argument"},
		{"frame that ends in a line", "\x80\x04" + frame(1) + "K\x01.", 11, "BININT1", "ends with its argument"},

		{"GET of nothing", "\x80\x04h\x00.", 2, "BINGET", "put there before"},
		{"GET of the next", "\x80\x04]\x94h\x01a.", 4, "BINGET", "put there before"},
		{"LONG_BINGET of nothing", "\x80\x04]\x94j\x00\x00\x00\x01a.", 4, "LONG_BINGET", "put there before"},
		{"PUT elsewhere", "\x80\x02]q\x01.", 3, "BINPUT", "count up from 0"},
		{"PUT far away", "\x80\x02]r\x00\x00\x00\x04.", 3, "LONG_BINPUT", "count up from 0"},
		{"PUT over", "\x80\x02]q\x00]q\x00a.", 6, "BINPUT", "count up from 0"},
		{"PUT twice", "\x80\x04]\x94\x94.", 4, "MEMOIZE", "not memoized before"},
		{"PUT of what was fetched", "\x80\x04]\x94h\x00\x94a.", 6, "MEMOIZE", "made just now"},
		{"PUT of an int", "\x80\x04K\x01\x94.", 4, "MEMOIZE", "are not memoized"},
		{"PUT of ()", "\x80\x04)\x94.", 3, "MEMOIZE", "are not memoized"},
		{"PUT of nothing", "\x80\x04\x94.", 2, "MEMOIZE", "above the last mark"},
		{"PUT below a mark", "\x80\x04](\x94.", 4, "MEMOIZE", "above the last mark"},

		{"TUPLE without a mark", "\x80\x04Nt.", 3, "TUPLE", "there is a mark"},
		{"TUPLE2 across a mark", "\x80\x04N(N\x86.", 5, "TUPLE2", "above the last mark"},
		{"TUPLE1 of nothing", "\x80\x04\x85.", 2, "TUPLE1", "above the last mark"},
		{"APPEND to what was fetched", "\x80\x04]\x94\x8c\x01a0h\x00Na.", 7, "POP", "elements of a tuple"},
		{"APPEND to the same twice", "\x80\x04](]\x94h\x00NaNee.", 9, "APPEND", "filled where it was made"},
		{"APPEND to a tuple", "\x80\x04)Na.", 4, "APPEND", "is a list"},
		{"APPEND to a dict", "\x80\x04}Na.", 4, "APPEND", "is a list"},
		{"APPEND across a mark", "\x80\x04](Na.", 5, "APPEND", "below what is added"},
		{"APPENDS without a mark", "\x80\x04]Ne.", 4, "APPENDS", "there is a mark"},
		{"APPENDS to nothing", "\x80\x04(Ne.", 4, "APPENDS", "below what is added"},
		{"SETITEM of a list", "\x80\x04]NNs.", 5, "SETITEM", "is a dict"},
		{"SETITEMS without a value", "\x80\x04}(Nu.", 5, "SETITEMS", "a value comes with each key"},
		{"SETITEMS of what was fetched", "\x80\x04}\x94(h\x00(NNuu.", 10, "SETITEMS", "filled where it was made"},
		{"ADDITEMS to a list", "\x80\x04](N\x90.", 5, "ADDITEMS", "is a set"},

		{"two small additions", "\x80\x04]NaNa.", 6, "APPEND", "but for the last"},
		{"two small additions to a dict", "\x80\x04}NNs(NNu.", 9, "SETITEMS", "but for the last"},
		{"additions behind a large one", "\x80\x04](" + strings.Repeat("N", 1001) + "eNa.", 1007, "APPEND", "but for the last"},
		{"POP of a value", "\x80\x04NN0.", 4, "POP", "fetched from the memo"},
		{"POP of nothing", "\x80\x040.", 2, "POP", "above the last mark"},
		{"POP of a mark", "\x80\x04(0.", 3, "POP", "above the last mark"},
		{"POP_MARK without a mark", "\x80\x041.", 2, "POP_MARK", "there is a mark"},
		{"POP_MARK for nothing", "\x80\x04(1N.", 3, "POP_MARK", "fetched from the memo"},
		{"POP of other elements", "\x80\x04K\x01\x85\x94K\x020h\x00\x86.", 8, "POP", "elements of a tuple"},
		{"POP of too few", "\x80\x04K\x01K\x02\x86\x94K\x010h\x00\x86.", 10, "POP", "elements of a tuple"},
		{"POP_MARK of other elements", "\x80\x04(K\x01\x91\x94(K\x021h\x00\x86.", 10, "POP_MARK", "elements of a tuple"},
		{"POP of a call", "\x80\x04\x8c\x01m\x8c\x01n\x93)R0N.", 11, "POP", "fetched from the memo"},
		{"POP of a call, for another", "\x80\x04\x8c\x01m\x8c\x01n\x93)R\x94\x8c\x01m\x8c\x01n\x93)R0h\x00\x86.", 21, "POP", "the same call"},
		{"POP of a call, for one with other arguments", "\x80\x04\x8c\x01m\x8c\x01n\x93\x94)R\x94h\x00N\x85R0h\x01\x86.", 18, "POP", "the same arguments"},

		{"POP of a call of three arguments", "\x80\x04\x8c\x01m\x8c\x01n\x93\x94)R\x94h\x00h\x01NN\x87R0.", 21, "POP", "fetched from the memo"},
		{"setter twice", "\x80\x04\x8c\x01m\x8c\x01n\x93\x94)R\x94h\x00h\x01N\x86R0h\x00h\x01N\x86R0.", 28, "POP", "then one state"},

		{"list as a key", "\x80\x04}]Ns.", 5, "SETITEM", "has a hash"},
		{"dict as a key", "\x80\x04}}Ns.", 5, "SETITEM", "has a hash"},
		{"set as an element", "\x80\x04\x8f(\x8f\x90.", 5, "ADDITEMS", "has a hash"},
		{"bytearray as an element", "\x80\x05\x8f(\x96" + strings.Repeat("\x00", 8) + "\x90.", 13, "ADDITEMS", "has a hash"},
		{"list in a tuple as a key", "\x80\x04}N]\x86\x85Ns.", 8, "SETITEM", "has a hash"},
		{"list in a frozenset", "\x80\x04(]\x91.", 4, "FROZENSET", "has a hash"},

		{"call of a value", "\x80\x04N)R.", 4, "REDUCE", "what is called"},
		{"call with a list", "\x80\x04\x8c\x01m\x8c\x01n\x93]R.", 10, "REDUCE", "are a tuple"},
		{"instance of a str", "\x80\x04\x8c\x01m)\x81.", 6, "NEWOBJ", "what is called"},
		{"keywords in a list", "\x80\x04\x8c\x01m\x8c\x01n\x93)]\x92.", 11, "NEWOBJ_EX", "keyword arguments"},
		{"keywords that are no str", "\x80\x04\x8c\x01m\x8c\x01n\x93)}K\x01Ns\x92.", 15, "NEWOBJ_EX", "keyword arguments"},
		{"BUILD of a global", "\x80\x04\x8c\x01m\x8c\x01n\x93}b.", 10, "BUILD", "gets a state"},
		{"BUILD of a list", "\x80\x04]}b.", 4, "BUILD", "gets a state"},
		{"BUILD of what was fetched", "\x80\x04\x8c\x01m\x8c\x01n\x93)R\x94(h\x00}bt.", 16, "BUILD", "filled where it was made"},
		{"BUILD twice", "\x80\x04\x8c\x01m\x8c\x01n\x93)R}b}b.", 14, "BUILD", "then one state"},
		{"items before elements", "\x80\x04\x8c\x01m\x8c\x01n\x93)RNNsNa.", 15, "APPEND", "then its items"},
		{"elements behind the state", "\x80\x04\x8c\x01m\x8c\x01n\x93)R}bNa.", 14, "APPEND", "then one state"},

		{"name of an int", "\x80\x04K\x01\x8c\x01n\x93.", 7, "STACK_GLOBAL", "two str"},
		{"empty name", "\x80\x04\x8c\x00\x8c\x01n\x93.", 7, "STACK_GLOBAL", "the name of a global"},
		{"name with a newline", "\x80\x04\x8c\x02m\n\x8c\x01n\x93.", 9, "STACK_GLOBAL", "the name of a global"},
		{"name with an escape", "\x80\x02cm\nn\x1b\n.", 2, "GLOBAL", "the name of a global"},
		{"name with a surrogate", "\x80\x04\x8c\x03\xed\xa0\x80\x8c\x01n\x93.", 10, "STACK_GLOBAL", "the name of a global"},
		{"name that is no UTF-8", "\x80\x02c\xff\nn\n.", 2, "GLOBAL", "the name of a global"},
		{"line without an end", "\x80\x02cm\nn.", 2, "GLOBAL", "ends its line"},
		{"long name", "\x80\x02c" + strings.Repeat("m", 1025) + "\nn\n.", 2, "GLOBAL", "ends its line"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := pickle.Read([][]byte{[]byte(c.data)}, pickle.Limits{})
			var said *pickle.Error
			require.ErrorAs(t, err, &said)
			assert.Contains(t, said.Rule, c.rule)
			assert.Equal(t, c.opcode, said.Opcode)
			assert.Equal(t, c.offset, said.Offset)
			assert.NotContains(t, said.Error(), "\n")
		})
	}
}

// Opcodes that CPython's unpickler knows and the reader does not.
func TestOpcodesThatAreNeverRead(t *testing.T) {
	for op, name := range map[byte]string{
		'2': "DUP", 'F': "FLOAT", 'I': "INT", 'L': "LONG", 'P': "PERSID", 'Q': "BINPERSID", 'S': "STRING", 'T': "BINSTRING",
		'U': "SHORT_BINSTRING", 'V': "UNICODE", 'd': "DICT", 'g': "GET", 'i': "INST", 'l': "LIST", 'o': "OBJ", 'p': "PUT",
		0x82: "EXT1", 0x83: "EXT2", 0x84: "EXT4", 0x97: "NEXT_BUFFER", 0x98: "READONLY_BUFFER",
	} {
		for protocol := byte(2); protocol <= 5; protocol++ {
			data := append([]byte{0x80, protocol, 'N', '(', 'N', op}, "\x01\n\x00\x00\x00\x00\x00\x00."...)
			_, err := pickle.Read([][]byte{data}, pickle.Limits{})
			var said *pickle.Error
			require.ErrorAs(t, err, &said)
			assert.Equal(t, pickle.Error{Offset: 5, Opcode: name, Rule: said.Rule}, *said)
			assert.Contains(t, said.Rule, "only opcodes that CPython's pickler writes")
		}
	}
}

// The request that broke the scan which there was before: text that reaches beyond its frame, behind which other
// instructions hide.
func TestTextBeyondItsFrameIsRefused(t *testing.T) {
	hidden := "\x80\x04\x95\x03\x00\x00\x00\x00\x00\x00\x00X\x10\x00\x00\x00" + strings.Repeat("N", 16) + "."
	_, err := pickle.Read([][]byte{[]byte(hidden)}, pickle.Limits{})
	assert.ErrorContains(t, err, "BINUNICODE: an opcode ends with its argument")
}
