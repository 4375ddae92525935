package policy_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/handler/pickle"
	"github.com/gopyrpc/gopyrpc/handler/policy"
)

// newPolicy makes a policy of good entries.
func newPolicy(t testing.TB, entries ...string) *policy.Policy {
	t.Helper()
	p, err := policy.New(entries)
	require.NoError(t, err)
	return p
}

// body is a pickle whose opcodes are given as CPython writes them.
func body(opcodes string) [][]byte { return [][]byte{[]byte("\x80\x02" + opcodes)} }

// udf is the pickle of a PythonUDF of a function and arguments.
func udf(function, args string) [][]byte {
	return body("cgopyrpc.internal\nPythonUDF\n" + function + args + "}\x87\x81.")
}

// givens are the names that a canonical pickle refers to.
func givens(out pickle.Output) (names []string) {
	for _, b := range out.Buffers {
		if b.Given != nil {
			names = append(names, b.Given.Text)
		}
	}
	return names
}

// TestRequest: of what is let in, Python gets a call of our own function, and a pickle that names nothing.
func TestRequest(t *testing.T) {
	out, err := newPolicy(t, "math").Request(udf("cmath\nhypot\n", "K\x03K\x04\x86"))
	require.NoError(t, err)
	assert.Equal(t, []string{"gopyrpc.restricted:call", "math:hypot"}, givens(out))
	assert.Equal(t, "\x80\x05\x95\x0c\x00\x00\x00\x00\x00\x00\x00\x97\x97K\x03K\x04\x86}\x87\x85R.", string(out.Pickle))
}

func TestRequest_refused(t *testing.T) {
	for _, c := range []struct {
		body          [][]byte
		name, message string
	}{
		{udf("cos\nsystem\n", ")"), "os:system", "is not on the allow-list"},
		{udf("cbuiltins\nint\n", ")"), "builtins:int", "is not on the allow-list as a function to call"},
		{udf("c__builtin__\neval\n", ")"), "builtins:eval", "is not on the allow-list"},
		{udf("cmath\nhypot.__call__\n", ")"), "math:hypot.__call__", "leads through a special attribute"},
		{udf("cgopyrpc.restricted\nnew\n", ")"), "gopyrpc.restricted:new", "no payload may name"},
		{udf("c\xef\xbd\x8d\xef\xbd\x81\xef\xbd\x94\xef\xbd\x88\nhypot\n", ")"), "ｍａｔｈ:hypot", "is not a name"},
		{udf("cgopyrpc.internal\n_receive_rref\n", "C\x01x\x85"), "", "opcode"},
		{udf("G@\x09\x21\xfb\x54\x44\x2d\x18", ")"), "", "the function to call is a float, neither a function nor a class by name"}, // math.pi
		{body("K\x01."), "", "this is none"},
		{body("cmath\nhypot\nK\x03K\x04\x86R."), "", "this is none"},
	} {
		out, err := newPolicy(t, "math").Request(c.body)
		require.Error(t, err, "%q", c.body)
		assert.Zero(t, out)
		var refusal *policy.Refusal
		if c.message == "opcode" {
			var syntax *pickle.Error
			require.ErrorAs(t, err, &syntax)
			continue
		}
		require.ErrorAs(t, err, &refusal)
		assert.Equal(t, c.name, refusal.Name)
		assert.ErrorContains(t, err, c.message)
	}
}
