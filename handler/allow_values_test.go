package handler_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/handler"
	"github.com/gopyrpc/gopyrpc/internal/pythontest"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// plainValues are what every peer may send, whatever is listed.
var plainValues = []string{
	"None", "True", "False", "0", "-1", "1 << 31", "1 << 63", "-(1 << 63)", "1 << 64", "-(1 << 200)", "1.5", "float('nan')", "float('-inf')", "''", "'text'", `'\u00e9\u2603\U0001f600'`, `'\ud800'`,
	"b''", "b'bytes'", "bytes(range(256))", "b'x' * 300", "b'x' * 70_000", "'x' * 70_000", "bytearray()", "bytearray(b'x')", "bytearray(b'x' * 70_000)",
	"[]", "[1, [2]]", "()", "(1,)", "(1, 2, 3, 4)", "{}", "{'a': 1, 2: [3]}", "set()", "{1, 'x'}", "frozenset()", "frozenset([1, (2, 3)])", "list(range(3000))", "{i: i for i in range(3000)}", "set(range(3000))",
	"1j", "complex(float('inf'), -0.0)", "range(3)", "range(1, 10, 2)", "slice(1, 2)", "slice(None, 'x', [1])", "Ellipsis", "NotImplemented", "type(None)", "type(...)", "type(NotImplemented)",
	"[int, str, list, object, ValueError, collections.OrderedDict, datetime.datetime]",
	"datetime.date(2020, 2, 29)", "datetime.date.min", "datetime.date.max", "datetime.time(1, 2, 3, 4)", "datetime.time(1, fold=1)", "datetime.time(1, tzinfo=utc)",
	"datetime.datetime(2020, 1, 2, 3, 4, 5, 6)", "datetime.datetime.max", "datetime.datetime(2020, 1, 1, tzinfo=utc)", "datetime.datetime(2020, 12, 1, fold=1)",
	"datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone(datetime.timedelta(hours=-3), 'name'))", "datetime.timedelta(1, 2, 3)", "datetime.timedelta(-1)", "datetime.timedelta.max", "utc",
	"decimal.Decimal('1.5')", "decimal.Decimal('-0')", "decimal.Decimal('1E+6000')", "decimal.Decimal('NaN')", "decimal.Decimal('sNaN12')", "decimal.Decimal('-Infinity')", "decimal.Decimal('0.000001')",
	"uuid.UUID(int=5)", "uuid.uuid1()", "uuid.UUID(int=(1 << 128) - 1)",
	"collections.OrderedDict()", "collections.OrderedDict([(2, 1), (1, 2)])", "collections.defaultdict(None)", "collections.defaultdict(list, {1: [2]})", "collections.Counter('hello')",
	"collections.deque()", "collections.deque([1, 2, 3])", "collections.deque([1, 2, 3], 2)", "collections.deque([], 5)",
	"ValueError()", "ValueError('x', 1)", "OSError(2, 'x', 'f')", "KeyError(('a', 1))", "UnicodeDecodeError('utf8', b'x', 0, 1, 'r')", "SystemExit(3)", "ImportError('x', name='n', path='p')",
	"SyntaxError('x', ('f', 1, 2, 't'))", "StopIteration(5)", "noted(ValueError('x'))",
	"shared()", "object", "object()",
}

// listedValues are what an entry for the module lets in.
var listedValues = []string{
	"Colour.RED", "Colour.GREEN", "[Colour.RED, Colour.RED]", "Bits.R", "Bits.R | Bits.W", "Bits.R | Bits.W | Bits.X", "Bits(0)", "Number.ONE", "Plain(1)", "Plain([Plain(2)])", "Slots(1, [2])",
	"SlotsAndDict(1, 2)", "Stateful(5)", "Inherits(6)", "Keyed(key=(1, 2))", "MyList([1, 2])", "MyDict(a=1)", "MySet([1])", "MyInt(5)", "Pair(1, [2])", "Data(1, [2])", "Frozen(3)", "Reduced(4)", "make", "Plain",
	"collections.defaultdict(make)", "cyclic_instance_state()", "Failure(5, hint='h')", "Plain.made", "Plain.one", "[Plain(1).twice()]", "{Frozen(1): Frozen(2)}", "Plain(datetime.datetime(2020, 1, 1, tzinfo=utc))",
}

const letin = `
import collections, datetime, decimal, pickle, uuid
try: import numpy
except ImportError: pass
from letin import *
def noted(exc):
    exc.__notes__ = ["note"]
    return exc
def cyclic_instance_state():
    return cyclic_instance().x[0].x[0] is not None and shared()
`

// letIn pickles an expression at a protocol, lets a restricted handler read it, and says whether the value is the same.
func letIn(t *testing.T, h *handler.Handler, expression string, protocol int) (same bool, err error) {
	t.Helper()
	var p handler.Payload
	pythontest.With(t, func(tok gil.Token) {
		o := pythontest.Define(t, tok, letin+fmt.Sprintf("value = %s\npickled = pickle.dumps(value, %d)", expression, protocol), "pickled")
		defer o.Release()
		var err error
		p.Data, err = pybridge.As[[]byte](tok, o)
		require.NoError(t, err)
	})
	got, err := h.Deserialize(t.Context(), p)
	if err != nil {
		return false, err
	}
	defer got.Release()
	pythontest.With(t, func(tok gil.Token) {
		check := pythontest.Define(t, tok, letin+"def check(got, data):\n    return same(pickle.loads(data), got)", "check")
		defer check.Release()
		o, err := check.Call(tok, got, p.Data)
		require.NoError(t, err)
		defer o.Release()
		same, err = o.Truth(tok)
		require.NoError(t, err)
	})
	return same, nil
}

// TestAllowedValues: what pickle writes of plain values, at every protocol that is read, comes in as it was, and so do
// instances of what is listed.
func TestAllowedValues(t *testing.T) {
	plain, listed := newHandler(t, handler.WithAllow()), newHandler(t, handler.WithAllow("letin"))
	for _, c := range []struct {
		h      *handler.Handler
		values []string
	}{{plain, plainValues}, {listed, plainValues}, {listed, listedValues}} {
		for _, expression := range c.values {
			for protocol := 2; protocol <= 5; protocol++ {
				same, err := letIn(t, c.h, expression, protocol)
				assert.NoError(t, err, "%s at protocol %d", expression, protocol)
				assert.True(t, same || err != nil, "%s at protocol %d", expression, protocol)
			}
		}
	}
	for _, expression := range listedValues {
		_, err := letIn(t, plain, expression, 5)
		assert.True(t, err != nil || expression == "cyclic_instance_state()" || expression == "[Plain(1).twice()]", expression)
	}
}
