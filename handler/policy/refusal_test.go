package policy_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/handler/policy"
)

// TestEntries_ofRefusals: a refusal has the entry that would let in what it refuses, and with that entry it is let in.
func TestEntries_ofRefusals(t *testing.T) {
	for _, c := range []struct {
		list  []string
		value string
		entry string
	}{
		{nil, global("m", "f"), "m:f"},
		{nil, reduce("m", "C", number(1)), "m:C"},
		{nil, build(newObject("m", "C"), dict(text("x"), number(1))), "value:m:C"},
		{[]string{"value:m:C"}, global("m", "C"), "m:C"},
		{[]string{"value:m:C"}, reduce("builtins", "getattr", global("m", "C"), text("make")) + ")R", "m:C"},
		{[]string{"m"}, reduce("builtins", "getattr", global("m", "C"), text("__call__")), "m:C.__call__"},
		{nil, reduce("builtins", "getattr", global("os", "path"), text("join")), "os:path"},
		{nil, reduce("numpy.core.multiarray", "_reconstruct", number(1)), ""}, // of which the owner has to think
		{[]string{"m"}, global("m", "f.__call__"), ""},
		{nil, global("gopyrpc.restricted", "new"), ""},
	} {
		_, err := newPolicy(t, c.list...).Reply(body(c.value + "."))
		var refusal *policy.Refusal
		require.ErrorAs(t, err, &refusal, "%q", c.value)
		assert.Equal(t, c.entry, refusal.Entry, "%q: %v", c.value, err)
		if c.entry != "" {
			_, err = newPolicy(t, append(c.list, c.entry)...).Reply(body(c.value + "."))
			assert.NoError(t, err, "%q with %s", c.value, c.entry)
		}
	}
}

// TestReply_ofPrograms: what programs send, and only these shapes of it have.
func TestReply_ofPrograms(t *testing.T) {
	day := bytes2("\x07\xe4\x01\x01\x00\x00\x00\x00\x00\x00")
	zone := reduce("builtins", "getattr", global("zones", "Zone"), text("load")) + tuple(text("Europe/Berlin")) + "R"
	for _, value := range []string{
		build(reduce("collections", "OrderedDict")+"("+text("weight")+number(1)+"u", dict(text("_metadata"), reduce("collections", "OrderedDict"))),
		reduce("datetime", "datetime", day, zone), reduce("datetime", "datetime", day, reduce("zones", "make")),
	} {
		_, err := newPolicy(t, "zones").Reply(body(value + "."))
		assert.NoError(t, err, "%q", value)
	}
	_, err := newPolicy(t).Reply(body(reduce("datetime", "datetime", day, zone) + "."))
	assert.ErrorContains(t, err, "zones:Zone is not on the allow-list")
}
