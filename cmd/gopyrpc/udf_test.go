package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

const readResult = `
import pickle, sys
from gopyrpc import internal
result = pickle.load(sys.stdin.buffer)
try:
    internal._handle_exception(result)
except Exception as exc:
    print(type(exc).__module__, type(exc).__name__, exc)
else:
    print(repr(result))
`

func TestUDFReturns(t *testing.T) {
	out := gopyrpc(t, pickled(t, "PythonUDF(u.greet, ('you',), {'a': 1})"), "udf").ok(t)
	assert.Equal(t, "'Hello, you, a 1'\n", plainPython(t, out, readResult))
}

// TestUDFRaises: a function that raised is a result, and the caller gets its exception.
func TestUDFRaises(t *testing.T) {
	out := gopyrpc(t, pickled(t, "PythonUDF(u.refuse, ('you',), {})"), "udf").ok(t)
	assert.Equal(t, "cmd_udfs Refused not you\n", plainPython(t, out, readResult))
	out = gopyrpc(t, pickled(t, "PythonUDF(u.leave, (3,), {})"), "udf").ok(t)
	assert.Contains(t, plainPython(t, out, readResult), "gopyrpc.internal RemoteError")
}

// TestUDFFails: no result, so nothing on standard output, and status 1 with the reason.
func TestUDFFails(t *testing.T) {
	good := pickled(t, "PythonUDF(u.greet, ('you',), {})")
	for _, c := range []struct {
		name, stdin string
		args        []string
		want        string
	}{
		{"garbage", "\x00garbage", nil, "DeserializeError: cannot deserialize: "},
		{"empty", "", nil, "the payload on standard input is empty; a pickled PythonUDF was expected"},
		{"truncated", good[:len(good)-3], nil, "cannot deserialize: "},
		{"1 GiB claimed", "\x80\x05\x8e\x00\x00\x00\x40\x00\x00\x00\x00", nil, "cannot deserialize: "},
		{"too large", good, []string{"--max-bytes", "20"}, "the payload on standard input is larger than 20 bytes; allow more with --max-bytes"},
		{"no such module", "cnot_there\nx\n.", nil, "No module named 'not_there'"},
		{"no such function", "ccmd_udfs\nnot_there\n.", nil, "not_there"},
		{"unpicklable result", pickled(t, "PythonUDF(u.generator, (), {})"), nil, "SerializeTypeError: cannot serialize"},
		{"refused", good, []string{"--allow", "math"}, "cmd_udfs:greet is not on the allow-list"},
		{"refused all", good, []string{"--allow", "math:hypot", "--allow", "cmd_udfs:ref*"}, "cmd_udfs:greet is not on the allow-list"},
		{"bad allow-list", good, []string{"--allow", "not good"}, "bad allow-list entry \"not good\""},
		{"no such RPC module", good, []string{"--module", "not_there"}, "rpc module not_there: ModuleNotFoundError: No module named 'not_there'"},
		{"no RPC module", good, []string{"--module", "math"}, "math cannot be used as an RPC module: it has no _run_function; it has no serialize"},
	} {
		t.Run(c.name, func(t *testing.T) {
			gopyrpc(t, c.stdin, append([]string{"udf"}, c.args...)...).failed(t, 1, c.want)
		})
	}
}

func TestUDFAllowed(t *testing.T) {
	good := pickled(t, "PythonUDF(u.greet, ('you',), {})")
	for _, allow := range []string{"cmd_udfs", "cmd_udfs:greet", "cmd_udfs:gr*"} {
		out := gopyrpc(t, good, "udf", "--allow", allow).ok(t)
		assert.Equal(t, "'Hello, you'\n", plainPython(t, out, readResult), allow)
	}
}

func TestUDFMaxBytes(t *testing.T) {
	here(t, "udf", "--max-bytes", "0").failed(t, 2, "--max-bytes 0: at least 1")
	here(t, "udf", "--max-bytes", "-5").failed(t, 2, "--max-bytes -5: at least 1")
	good := pickled(t, "PythonUDF(u.greet, ('you',), {})")
	gopyrpc(t, good, "udf", "--max-bytes", "9223372036854775807").ok(t)
	payload, err := readPayload(strings.NewReader("12345"), 5)
	assert.NoError(t, err)
	assert.Equal(t, "12345", string(payload), "as large as allowed")
}
