package policy_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/handler/policy"
)

// Opcodes of protocol 2, as text.

func text(s string) string { return fmt.Sprintf("X%c\x00\x00\x00%s", len(s), s) }

func number(i int) string { return string([]byte{'M', byte(i), byte(i >> 8)}) }

func long(b ...byte) string { return "\x8a" + string([]byte{byte(len(b))}) + string(b) }

func tuple(items ...string) string { return "(" + strings.Join(items, "") + "t" }

func list(items ...string) string { return "](" + strings.Join(items, "") + "e" }

func dict(items ...string) string { return "}(" + strings.Join(items, "") + "u" }

func global(module, name string) string { return "c" + module + "\n" + name + "\n" }

func reduce(module, name string, args ...string) string {
	return global(module, name) + tuple(args...) + "R"
}

func newObject(module, name string, args ...string) string {
	return global(module, name) + tuple(args...) + "\x81"
}

// bytes2 is what protocol 2 has for bytes.
func bytes2(s string) string {
	var latin1 strings.Builder
	for i := range len(s) {
		latin1.WriteRune(rune(s[i]))
	}
	return reduce("_codecs", "encode", text(latin1.String()), text("latin1"))
}

func build(object, state string) string { return object + state + "b" }

// TestShapes_refused: a constructor takes only what pickle writes for it. Each of these is a value in a reply under a
// list of one module.
func TestShapes_refused(t *testing.T) {
	ten := number(10)
	delta := reduce("datetime", "timedelta", number(0), number(0), number(0))
	dtype := build(reduce("numpy", "dtype", text("f8"), "\x89", "\x88"), tuple(number(3), text("<"), "N", "N", "N", "J\xff\xff\xff\xff", "J\xff\xff\xff\xff", number(0)))
	ndarray := reduce("numpy.core.multiarray", "_reconstruct", global("numpy", "ndarray"), tuple(number(0)), bytes2("b"))
	tensor := reduce("gopyrpc.internal", "_receive_tensor", number(0))
	for _, value := range []string{
		// what computes
		reduce("builtins", "list", reduce("builtins", "range", number(0), ten, number(1))), reduce("builtins", "set", reduce("builtins", "range", number(0), ten, number(1))),
		reduce("builtins", "list", list(ten)), reduce("builtins", "tuple", list(ten)), reduce("builtins", "dict", list()), reduce("builtins", "int", text("1")), reduce("builtins", "str", ten), reduce("builtins", "object"),
		reduce("builtins", "bytes", ten), reduce("builtins", "bytearray", ten), reduce("builtins", "bytearray", list(ten)), reduce("builtins", "bytearray", text("x"), text("zlib")),
		reduce("builtins", "float", text("1")), reduce("builtins", "frozenset", tuple(ten)), reduce("builtins", "set", text("abc")), reduce("builtins", "range", ten),
		reduce("builtins", "range", text("x"), ten, ten), reduce("builtins", "slice", ten), reduce("builtins", "complex", text("1j")), reduce("builtins", "complex", ten, ten),
		reduce("fractions", "Fraction", text("1e300000000")), reduce("decimal", "Decimal", text("1e300000000")), reduce("decimal", "Decimal", text("1E+10001")), reduce("decimal", "Decimal", tuple(number(0), tuple(ten), ten)),
		reduce("decimal", "Decimal", text("1_0")), reduce("decimal", "Decimal", text("\xd9\xa1")), reduce("decimal", "Decimal", text(" 1")), reduce("decimal", "Decimal", ten),
		reduce("collections", "deque", text("abc")), reduce("collections", "deque", list(), text("x")), reduce("collections", "Counter", text("abc")), reduce("collections", "OrderedDict", list()),
		reduce("collections", "defaultdict", ten), reduce("collections", "defaultdict", global("os", "system")), reduce("collections", "Counter", reduce("collections", "OrderedDict")),
		// bytes that C believes
		reduce("datetime", "date", bytes2("\x07\xe4\x0d\x01")), reduce("datetime", "date", bytes2("\x07\xe4\x02\x1e")), reduce("datetime", "date", bytes2("\x00\x00\x01\x01")), reduce("datetime", "date", bytes2("\x07\xe4\x01")),
		reduce("datetime", "date", number(2020), ten, ten), reduce("datetime", "time", bytes2("\x18\x00\x00\x00\x00\x00")), reduce("datetime", "time", bytes2("\x00\x3c\x00\x00\x00\x00")), reduce("datetime", "time", bytes2("\x00\x00\x00\x0f\x42\x40")),
		reduce("datetime", "datetime", bytes2("\x07\xe4\x01\x01\x18\x00\x00\x00\x00\x00")), reduce("datetime", "datetime", bytes2("\x07\xe4\x01\x01\x00\x00\x00\x00\x00\x00"), ten), reduce("datetime", "date", bytes2("\x07\xe4\x01\x01"), delta),
		reduce("datetime", "timedelta", ten), reduce("datetime", "timedelta", number(0), "J\xff\xff\xff\xff", number(0)), reduce("datetime", "timedelta", number(0), long(0x80, 0x51, 0x01), number(0)), reduce("datetime", "timedelta", long(0, 0, 0, 0, 1), number(0), number(0)),
		reduce("datetime", "timezone", ten), reduce("datetime", "timezone", delta, ten),
		// codecs, getattr, type
		reduce("_codecs", "encode", text("x"), text("zlib")), reduce("_codecs", "encode", text("x"), text("rot13")), reduce("_codecs", "encode", ten, text("latin1")), reduce("_codecs", "encode", text("\xe2\x98\x83"), text("latin1")), reduce("_codecs", "decode", text("x")),
		reduce("builtins", "getattr", global("os", "system"), text("__call__")), reduce("builtins", "getattr", text("x"), ten), reduce("builtins", "getattr", global("listed", "C"), text("__init__")), reduce("builtins", "getattr", global("listed", "C"), text("a.b")),
		reduce("builtins", "getattr", global("listed", "C"), text("x"), "N"), reduce("builtins", "type", ten), reduce("builtins", "type", text("X"), tuple(), dict()), reduce("builtins", "type", global("listed", "f")), reduce("__builtin__", "type", text("x")),
		// states of what the payload has not made, and attributes that Python asks for
		build(reduce("listed", "C"), dict(text("__class__"), "N")), build(newObject("listed", "C"), dict(text("__reduce_ex__"), "N")), build(newObject("listed", "C"), tuple("N", dict(text("__module__"), "N"))),
		build(newObject("listed", "C"), dict(text("__array_interface__"), "N")), build(reduce("builtins", "ValueError"), dict(text("__setstate__"), "N")), build(reduce("builtins", "ValueError"), list()),
		build(reduce("builtins", "getattr", global("listed", "C"), text("x")), dict()) + "", build(reduce("datetime", "date", bytes2("\x07\xe4\x01\x01")), dict()), build(tensor, dict(text("x"), "N")), build(reduce("gopyrpc.internal", "_receive_rref", bytes2("x")), dict()),
		reduce("builtins", "ValueError") + "(NNu", reduce("collections", "OrderedDict") + "(Ne", build(reduce("collections", "OrderedDict"), dict(text("items"), "N")), build(reduce("collections", "OrderedDict"), dict(text("__class__"), "N")), build(reduce("collections", "OrderedDict"), tuple("N", dict())), build(reduce("collections", "defaultdict", "N"), dict()), reduce("collections", "deque") + "(NNu",
		// instances of what is no listed class
		newObject("os", "system"), newObject("builtins", "int", ten), newObject("builtins", "ValueError"), newObject("builtins", "list"), newObject("builtins", "object", ten), newObject("gopyrpc.internal", "RemoteException"),
		newObject("datetime", "date", ten, ten, ten), newObject("uuid", "UUID"), build(newObject("uuid", "UUID"), dict(text("int"), text("x"))), build(newObject("uuid", "UUID"), dict(text("hex"), text("x"))), build(newObject("uuid", "UUID"), dict(text("int"), "J\xff\xff\xff\xff")),
		reduce("copyreg", "_reconstructor", global("listed", "C"), global("builtins", "list"), list()), reduce("copyreg", "_reconstructor", global("os", "system"), global("builtins", "object"), "N"), reduce("copy_reg", "_reconstructor", global("builtins", "object"), global("listed", "C"), "N"),
		reduce("copyreg", "__newobj__", global("os", "system")), reduce("copyreg", "__newobj__"), reduce("copyreg", "__newobj_ex__", global("listed", "C"), list(), dict()), reduce("copyreg", "__reduce_ex__", global("listed", "C"), ten), reduce("copyreg", "__newobj_ex__", global("listed", "C"), tuple(), dict(ten, ten)),
		// calls of what a call gave
		reduce("listed", "f") + ")R", newObject("listed", "C") + ")R", reduce("builtins", "ValueError") + ")R", reduce("functools", "partial", global("listed", "f")), build(reduce("functools", "partial", reduce("builtins", "getattr", global("listed", "C"), text("__new__"))), tuple(global("listed", "f"), tuple(), dict(), "N")) + ")R",
		// arrays
		build(ndarray, tuple(number(1), tuple(number(1)), dtype, "\x89", bytes2("1234567"))), build(ndarray, tuple(number(1), tuple(number(2)), dtype, "\x89", bytes2("12345678"))), build(ndarray, tuple(number(1), tuple(long(0, 0, 0, 0, 0, 0, 0, 0x20), number(8)), dtype, "\x89", bytes2(""))),
		build(ndarray, tuple(number(1), tuple("J\xff\xff\xff\xff"), dtype, "\x89", bytes2(""))), build(ndarray, tuple(number(1), tuple(number(1)), text("f8"), "\x89", bytes2("12345678"))), build(ndarray, tuple(number(1), tuple(number(1)), dtype, "\x89", list("N"))), ndarray,
		build(reduce("numpy.core.multiarray", "_reconstruct", global("listed", "C"), tuple(number(0)), bytes2("b")), tuple(number(1), tuple(number(1)), dtype, "\x89", bytes2("12345678"))), build(ndarray, tuple(number(1), tuple(number(1)), build(reduce("numpy", "dtype", text("O8"), "\x89", "\x88"), tuple(number(3), text("|"), "N", "N", "N", "J\xff\xff\xff\xff", "J\xff\xff\xff\xff", number(63))), "\x89", list("N"))),
		reduce("numpy", "dtype", text("O"), "\x89", "\x88"), reduce("numpy", "dtype", text("f8,f8"), "\x89", "\x88"), reduce("numpy", "dtype", list(), "\x89", "\x88"), reduce("numpy", "dtype", text("f3"), "\x89", "\x88"), reduce("numpy", "dtype", text("V-1"), "\x89", "\x88"), reduce("numpy", "dtype", text("V99999999999"), "\x89", "\x88"),
		build(reduce("numpy", "dtype", text("V8"), "\x89", "\x88"), tuple(number(3), text("|"), "N", tuple(text("a")), dict(text("a"), tuple(dtype, number(0))), number(8), number(1), number(16))), reduce("numpy.core.multiarray", "scalar", dtype, bytes2("1234567")), reduce("numpy.core.multiarray", "scalar", text("f8"), bytes2("12345678")),
		reduce("numpy.core.numeric", "_frombuffer", bytes2("12345678"), dtype, tuple(number(1)), text("A")), reduce("numpy.core.numeric", "_frombuffer", reduce("builtins", "bytearray"), dtype, tuple(number(1)), text("C")), reduce("numpy", "frombuffer", bytes2("12345678")), global("numpy", "ndarray"), reduce("numpy", "ndarray", tuple(number(1000))),
		reduce("numpy.core.multiarray", "array", list()), reduce("numpy.random._pickle", "__randomstate_ctor"), reduce("numpy.core._internal", "_ctypes"), reduce("numpy.testing._private.utils", "runstring", text("x"), dict()),
		// tensors, RRefs and the protocol's own
		reduce("gopyrpc.internal", "_receive_tensor", "J\xff\xff\xff\xff"), reduce("gopyrpc.internal", "_receive_tensor", text("0")), reduce("gopyrpc.internal", "_receive_strided", number(0), tuple("J\xff\xff\xff\xff"), tuple(ten)), reduce("gopyrpc.internal", "_receive_strided", number(0), list(ten), tuple(ten)), reduce("gopyrpc.internal", "_receive_leaf", ten),
		reduce("gopyrpc.internal", "_receive_leaf", newObject("listed", "C")), reduce("gopyrpc.internal", "_receive_parameter", tensor, "\x88", dict(text("__class__"), "N")), reduce("gopyrpc.internal", "_receive_parameter", tensor, "\x88", dict(ten, "N")), reduce("gopyrpc.internal", "_receive_parameter", tensor, "\x88", reduce("listed", "f")),
		reduce("gopyrpc.internal", "_receive_subclass", global("os", "system"), tensor, "\x88", "N"), reduce("gopyrpc.internal", "_receive_subclass", reduce("listed", "f"), tensor, "\x88", "N"), reduce("gopyrpc.internal", "_receive_named", tensor, tuple(ten)), reduce("gopyrpc.internal", "_receive_quantized", tensor, text("x"), ten),
		reduce("gopyrpc.internal", "_receive_script_module", bytes2("x")), reduce("gopyrpc.internal", "_receive_rref", text("x")), reduce("gopyrpc.internal", "_receive_rref", reduce("listed", "f")), reduce("gopyrpc.internal", "_call_method", reduce("gopyrpc.internal", "_receive_rref", bytes2("x")), text("m"), tuple(), dict()), reduce("gopyrpc.internal", "_type_of_value", ten), reduce("gopyrpc.internal", "_check_value", reduce("gopyrpc.internal", "_receive_rref", bytes2("x")), text("m")),
		reduce("gopyrpc.internal", "deserialize", bytes2("x")), reduce("gopyrpc.internal", "register_reducer"), global("gopyrpc.internal", "_receive_tensor"), global("gopyrpc", "RRef"), global("gopyrpc", "rpc_sync"), reduce("gopyrpc.internal", "WorkerInfo", ten, ten), reduce("gopyrpc.internal", "UnpicklableValue", ten), reduce("torch._utils", "_rebuild_tensor_v2"), reduce("torch", "Tensor", ten), reduce("torch.storage", "_load_from_bytes", bytes2("x")),
		// names
		global("os", "system"), global("listed", "C.__init__"), global("listed", "C.__class__"), global("listed", "__builtins__"), global("listed", "__dict__.x"), global("listed.", "f"), global("listed..x", "f"), global("listed", "f "), global("listed", "<lambda>"), global("listed", "f.<locals>.g"), global("\xef\xbd\x8cisted", "f"), global("listed", "\xef\xbd\x86"),
		global("gopyrpc.restricted", "new"), global("gopyrpc.restricted.x", "new"), reduce("gopyrpc.restricted", "call", tuple()), global("value", "listed:C"), global("builtins", "eval"), global("__builtin__", "eval"), global("builtins", "type"), global("builtins", "getattr"), global("builtins", "__import__"), global("sys", "modules"), global("listed", "C*"),
		build(newObject("gopyrpc.internal", "PythonUDF", global("listed", "f"), tuple(), dict()), dict()), build(reduce("gopyrpc.internal", "PythonUDF", global("listed", "f"), tuple(), dict()), dict()),
		reduce("gopyrpc.internal", "PythonUDF", global("os", "system"), tuple(), dict()), reduce("gopyrpc.internal", "PythonUDF", global("listed", "f"), list(), dict()), reduce("gopyrpc.internal", "PythonUDF", global("listed", "f"), tuple(), dict(ten, ten)), reduce("gopyrpc.internal", "PythonUDF", reduce("listed", "f"), tuple(), dict()),
	} {
		out, err := newPolicy(t, "listed").Reply(body(value + "."))
		var refusal *policy.Refusal
		assert.ErrorAs(t, err, &refusal, "%q: for what it asks, and not for how it is written", value)
		assert.Zero(t, out, "%q", value)
	}
}

// TestShapes: and what pickle does write.
func TestShapes(t *testing.T) {
	for value, want := range map[string]string{
		newObject("builtins", "object"):                                                                   "builtins:object",
		build(newObject("listed", "C"), dict(text("x"), "N")):                                             "gopyrpc.restricted:new_to_change listed:C gopyrpc.restricted:set_state",
		newObject("listed", "C", "N"):                                                                     "gopyrpc.restricted:new listed:C",
		reduce("listed", "C", "N"):                                                                        "listed:C",
		build(reduce("listed", "C"), dict(text("x"), "N")):                                                "gopyrpc.restricted:call_class listed:C gopyrpc.restricted:set_state",
		newObject("values", "V"):                                                                          "gopyrpc.restricted:new_value value:values:V",
		build(newObject("values", "V"), dict()):                                                           "gopyrpc.restricted:new_value_to_change value:values:V gopyrpc.restricted:set_state",
		reduce("values", "V", "N"):                                                                        "gopyrpc.restricted:value value:values:V",
		reduce("builtins", "getattr", global("values", "V"), text("RED")):                                 "gopyrpc.restricted:member value:values:V",
		reduce("builtins", "getattr", newObject("listed", "C"), text("m")):                                "gopyrpc.restricted:method gopyrpc.restricted:new listed:C",
		newObject("listed", "C") + "(Ne" + "(NNu":                                                         "gopyrpc.restricted:new_to_change listed:C gopyrpc.restricted:extend gopyrpc.restricted:update",
		reduce("builtins", "getattr", newObject("listed", "C"), text("m")) + ")R":                         "gopyrpc.restricted:method gopyrpc.restricted:new listed:C",
		reduce("builtins", "getattr", global("listed", "C"), text("m")):                                   "gopyrpc.restricted:method listed:C",
		reduce("builtins", "getattr", global("listed", "C"), text("m")) + ")R":                            "gopyrpc.restricted:to_call gopyrpc.restricted:method listed:C",
		reduce("copy_reg", "_reconstructor", global("listed", "C"), global("__builtin__", "object"), "N"): "gopyrpc.restricted:new listed:C",
		reduce("exceptions", "ValueError", "N"):                                                           "builtins:ValueError",
		reduce("__builtin__", "set", list("N")):                                                           "",
	} {
		out, err := newPolicy(t, "listed", "value:values:V").Reply(body(value + "."))
		require.NoError(t, err, "%q", value)
		assert.Equal(t, want, strings.Join(givens(out), " "), "%q", value)
	}
}

// TestShapes_times: numpy says of times that they have no metadata by an empty dict, and from 2.4 on by None.
func TestShapes_times(t *testing.T) {
	times := func(metadata string) string {
		return build(reduce("numpy", "dtype", text("M8"), "\x89", "\x88"), tuple(number(4), text("<"), "N", "N", "N",
			"J\xff\xff\xff\xff", "J\xff\xff\xff\xff", number(0), tuple(metadata, tuple(bytes2("D"), number(1), number(1), number(1)))))
	}
	for _, metadata := range []string{dict(), "N"} {
		out, err := newPolicy(t).Reply(body(times(metadata) + "."))
		require.NoError(t, err, "%q", metadata)
		assert.Equal(t, []string{"gopyrpc.restricted:dtype"}, givens(out))
	}
	for _, metadata := range []string{dict(text("a"), "N"), list(), number(0)} {
		_, err := newPolicy(t).Reply(body(times(metadata) + "."))
		assert.Error(t, err, "%q", metadata)
	}
}

// TestValueEntries: nothing is called for them, and the class itself does not come in.
func TestValueEntries(t *testing.T) {
	p := newPolicy(t, "value:values:V")
	for _, value := range []string{global("values", "V"), global("values", "W"), newObject("values", "W"), newObject("values", "V.W")} {
		_, err := p.Reply(body(value + "."))
		var refusal *policy.Refusal
		require.ErrorAs(t, err, &refusal, "%q", value)
	}
	for _, function := range []string{global("values", "V"), newObject("values", "V"), reduce("values", "V", "N")} {
		_, err := p.Request(udf(function, ")"))
		if function == newObject("values", "V") { // its __call__, which Python refuses
			require.NoError(t, err)
			continue
		}
		require.Error(t, err, "%q", function)
	}
}
