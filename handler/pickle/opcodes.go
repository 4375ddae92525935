package pickle

// The opcodes that are read. CPython's pickler writes no others at the protocols 2 to 5, but for those of
// persistent ids, extension codes and buffers out of band, which have a meaning only between two programs that
// agreed on it.
const (
	opMark           = '('
	opStop           = '.'
	opPop            = '0'
	opPopMark        = '1'
	opBinInt         = 'J'
	opBinInt1        = 'K'
	opBinInt2        = 'M'
	opNone           = 'N'
	opReduce         = 'R'
	opBinUnicode     = 'X'
	opAppend         = 'a'
	opBuild          = 'b'
	opGlobal         = 'c'
	opEmptyDict      = '}'
	opAppends        = 'e'
	opBinGet         = 'h'
	opLongBinGet     = 'j'
	opEmptyList      = ']'
	opBinPut         = 'q'
	opLongBinPut     = 'r'
	opSetItem        = 's'
	opTuple          = 't'
	opEmptyTuple     = ')'
	opSetItems       = 'u'
	opBinFloat       = 'G'
	opBinBytes       = 'B'
	opShortBinBytes  = 'C'
	opProto          = 0x80
	opNewObj         = 0x81
	opTuple1         = 0x85
	opTuple2         = 0x86
	opTuple3         = 0x87
	opNewTrue        = 0x88
	opNewFalse       = 0x89
	opLong1          = 0x8a
	opLong4          = 0x8b
	opShortBinUni    = 0x8c
	opBinUnicode8    = 0x8d
	opBinBytes8      = 0x8e
	opEmptySet       = 0x8f
	opAddItems       = 0x90
	opFrozenSet      = 0x91
	opNewObjEx       = 0x92
	opStackGlobal    = 0x93
	opMemoize        = 0x94
	opFrame          = 0x95
	opByteArray8     = 0x96
	opNextBuffer     = 0x97 // written, never read
	opReadOnlyBuffer = 0x98
)

// The protocols that are read; the newest is written.
const (
	minProtocol = 2
	maxProtocol = 5
)

// opcode is what there is to know of an opcode beside its effect.
type opcode struct {
	name  string // as in pickletools; "" for none
	first byte   // the first protocol that has it; 0 for one that is never read
	last  byte   // the last protocol at which CPython writes it
}

// opcodes are all that CPython's unpickler knows: an error can name those that are refused, too.
var opcodes = [256]opcode{
	opMark: {"MARK", 2, 5}, opStop: {"STOP", 2, 5}, opPop: {"POP", 2, 5}, opPopMark: {"POP_MARK", 2, 5},
	opBinInt: {"BININT", 2, 5}, opBinInt1: {"BININT1", 2, 5}, opBinInt2: {"BININT2", 2, 5},
	opNone: {"NONE", 2, 5}, opReduce: {"REDUCE", 2, 5}, opBinUnicode: {"BINUNICODE", 2, 5},
	opAppend: {"APPEND", 2, 5}, opBuild: {"BUILD", 2, 5}, opGlobal: {"GLOBAL", 2, 3},
	opEmptyDict: {"EMPTY_DICT", 2, 5}, opAppends: {"APPENDS", 2, 5}, opBinGet: {"BINGET", 2, 5},
	opLongBinGet: {"LONG_BINGET", 2, 5}, opEmptyList: {"EMPTY_LIST", 2, 5}, opBinPut: {"BINPUT", 2, 3},
	opLongBinPut: {"LONG_BINPUT", 2, 3}, opSetItem: {"SETITEM", 2, 5}, opTuple: {"TUPLE", 2, 5},
	opEmptyTuple: {"EMPTY_TUPLE", 2, 5}, opSetItems: {"SETITEMS", 2, 5}, opBinFloat: {"BINFLOAT", 2, 5},
	opProto: {"PROTO", 2, 5}, opNewObj: {"NEWOBJ", 2, 5}, opTuple1: {"TUPLE1", 2, 5}, opTuple2: {"TUPLE2", 2, 5},
	opTuple3: {"TUPLE3", 2, 5}, opNewTrue: {"NEWTRUE", 2, 5}, opNewFalse: {"NEWFALSE", 2, 5},
	opLong1: {"LONG1", 2, 5}, opLong4: {"LONG4", 2, 5},
	opBinBytes: {"BINBYTES", 3, 5}, opShortBinBytes: {"SHORT_BINBYTES", 3, 5},
	opShortBinUni: {"SHORT_BINUNICODE", 4, 5}, opBinUnicode8: {"BINUNICODE8", 4, 5}, opBinBytes8: {"BINBYTES8", 4, 5},
	opEmptySet: {"EMPTY_SET", 4, 5}, opAddItems: {"ADDITEMS", 4, 5}, opFrozenSet: {"FROZENSET", 4, 5},
	opNewObjEx: {"NEWOBJ_EX", 4, 5}, opStackGlobal: {"STACK_GLOBAL", 4, 5}, opMemoize: {"MEMOIZE", 4, 5},
	opFrame: {"FRAME", 4, 5}, opByteArray8: {"BYTEARRAY8", 5, 5},

	'2': {name: "DUP"}, 'F': {name: "FLOAT"}, 'I': {name: "INT"}, 'L': {name: "LONG"}, 'P': {name: "PERSID"},
	'Q': {name: "BINPERSID"}, 'S': {name: "STRING"}, 'T': {name: "BINSTRING"}, 'U': {name: "SHORT_BINSTRING"},
	'V': {name: "UNICODE"}, 'd': {name: "DICT"}, 'g': {name: "GET"}, 'i': {name: "INST"}, 'l': {name: "LIST"},
	'o': {name: "OBJ"}, 'p': {name: "PUT"}, 0x82: {name: "EXT1"}, 0x83: {name: "EXT2"}, 0x84: {name: "EXT4"},
	opNextBuffer: {name: "NEXT_BUFFER"}, opReadOnlyBuffer: {name: "READONLY_BUFFER"},
}

// readAt says which opcodes are read at each protocol.
var readAt = func() (table [maxProtocol - minProtocol + 1][256]bool) {
	for protocol := range table {
		for op, known := range opcodes {
			p := byte(minProtocol + protocol)
			table[protocol][op] = known.first > 0 && known.first <= p && p <= known.last
		}
	}
	return table
}()
