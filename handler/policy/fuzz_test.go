package policy_test

import (
	"encoding/binary"
	"slices"
	"strings"
	"testing"

	"github.com/gopyrpc/gopyrpc/handler/pickle"
)

// FuzzAdmit: whatever arrives, Python gets a pickle of our own opcodes, which names nothing, and beside it only names
// that the list covers, stand-ins, and plain data.
func FuzzAdmit(f *testing.F) {
	tensor := reduce("gopyrpc.internal", "_receive_tensor", number(0))
	for _, value := range []string{
		"N", list(number(1), text("x")), newObject("listed", "C", "N") + dict(text("x"), "N") + "b", reduce("listed", "C", "N"), newObject("values", "V"), reduce("values", "V", "N"), global("listed", "f"),
		reduce("builtins", "getattr", newObject("listed", "C"), text("m")), newObject("listed", "C") + "(Ne" + "(NNu", reduce("copy_reg", "_reconstructor", global("listed", "C"), global("__builtin__", "object"), "N"),
		reduce("__builtin__", "set", list("N")), reduce("datetime", "date", bytes2("\x07\xe4\x01\x01")), reduce("decimal", "Decimal", text("1.5")), reduce("collections", "OrderedDict") + "(NNu", reduce("collections", "deque", list("N"), number(2)),
		reduce("gopyrpc.internal", "_receive_parameter", tensor, "\x88", dict(text("x"), "N")), reduce("gopyrpc.internal", "_receive_subclass", global("listed", "T"), tensor, "\x88", "N"),
		build(reduce("numpy.core.multiarray", "_reconstruct", global("numpy", "ndarray"), tuple(number(0)), bytes2("b")), tuple(number(1), tuple(number(1)),
			build(reduce("numpy", "dtype", text("f8"), "\x89", "\x88"), tuple(number(3), text("<"), "N", "N", "N", "J\xff\xff\xff\xff", "J\xff\xff\xff\xff", number(0))), "\x89", bytes2("12345678"))),
		reduce("gopyrpc.internal", "_remote_exception", dict(text("worker"), text("w"), text("errors"), list(dict(text("module"), text("m"), text("qualname"), text("q"), text("text"), text("t"), text("args"), bytes2("\x80\x02(Nt."))))),
		reduce("gopyrpc.internal", "PythonUDF", global("listed", "f"), tuple(number(1)), dict(text("k"), "N")),
	} {
		f.Add(body(value + ".")[0])
		f.Add(udf(global("listed", "f"), tuple(value))[0])
	}
	f.Add(smallCall[0])
	p := newPolicy(f, "listed", "value:values:V")
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, read := range []func([][]byte) (pickle.Output, error){p.Request, p.Reply} {
			out, err := read([][]byte{slices.Clone(data)})
			if err != nil {
				continue
			}
			checkCanonical(t, out)
		}
	})
}

// checkCanonical walks the opcodes of a canonical pickle.
func checkCanonical(t *testing.T, out pickle.Output) {
	t.Helper()
	const (
		plain = "(0N)]}t\x85\x86\x87\x88\x89\x8f\x90\x91\x94aeuRs"
	)
	buffers := 0
	for _, b := range out.Buffers {
		if b.Given == nil {
			continue
		}
		module, name, _ := strings.Cut(b.Given.Text, ":")
		if !slices.Contains([]string{"listed", "gopyrpc.restricted", "value", "builtins", "collections", "datetime", "decimal", "gopyrpc.internal", "uuid"}, module) || name == "" {
			t.Errorf("%q is given", b.Given.Text)
		}
		if module == "builtins" && slices.Contains([]string{"eval", "exec", "getattr", "type", "open", "__import__", "compile"}, name) {
			t.Errorf("%q is given", b.Given.Text)
		}
	}
	for d := out.Pickle; ; {
		op := d[0]
		d = d[1:]
		switch {
		case op == '.':
			if len(d) > 0 || buffers != len(out.Buffers) {
				t.Fatalf("%d bytes behind the end, %d buffers of %d", len(d), buffers, len(out.Buffers))
			}
			return
		case op == 0x80:
			d = d[1:]
		case op == 0x95:
			d = d[8:]
		case op == 0x97:
			buffers++
		case op == 'K' || op == 'h':
			d = d[1:]
		case op == 'M':
			d = d[2:]
		case op == 'J' || op == 'j':
			d = d[4:]
		case op == 'G':
			d = d[8:]
		case op == 0x8c || op == 0x8a || op == 'C':
			d = d[1+int(d[0]):]
		case op == 'X' || op == 'B' || op == 0x8b:
			d = d[4+binary.LittleEndian.Uint32(d):]
		case op == 0x8d || op == 0x8e || op == 0x96:
			d = d[8+binary.LittleEndian.Uint64(d):]
		case strings.IndexByte(plain, op) >= 0:
		default:
			t.Fatalf("opcode %#x in %q", op, out.Pickle)
		}
	}
}
