package policy_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/handler/policy"
)

func TestNew(t *testing.T) {
	list := []string{"math", "a.b", "package.*", "m:f", "m:Class.method", "m:Pre*", "m:Class.*", "m:*", "gopyrpc:RRef.is_owner", "gopyrpc:RRef.*", "value:m:Class", "value:a.b:C.D"}
	p, err := policy.New(list)
	require.NoError(t, err)
	assert.Equal(t, list, p.Entries())
}

func TestNew_wrongEntries(t *testing.T) {
	for entry, why := range map[string]string{
		"": "it is empty", " math": "white space", "math\n": "white space", ":f": "it names no module", "m:": "no name follows the colon",
		"not good": `"not good" is not the name of a module`, "a..b": "is not the name of a module", ".a": "is not the name of a module",
		"a.": "is not the name of a module", "*": "is not the name of a module", ".*": "it names no module", "a*": "is not the name of a module",
		"1a": "is not the name of a module", "m:*x": "is not the name of anything", "m:a*b*": "is not the name of anything", "m:a:b": "is not the name of anything",
		"m:a.": "is not the name of anything", "m:.a": "is not the name of anything", "m:a b": "is not the name of anything", "m.*:f": "is not the name of a module",
		"value:m": "value: takes exactly one class", "value:m:C*": "value: takes exactly one class", "value:m:*": "value: takes exactly one class",
		"value:": "it names no module", "value:m:": "no name follows the colon", "value:m.*": "value: takes exactly one class", "Value:m:C": "is not the name of anything",
		"gopyrpc.restricted": "is reserved", "gopyrpc.restricted:new": "is reserved", "value:gopyrpc.restricted:new": "is reserved", "gopyrpc.restricted.*": "is reserved",
		"gopyrpc": "could call others in this worker's name", "gopyrpc.*": "could call others", "gopyrpc:*": "could call others", "gopyrpc:rpc_*": "could call others",
		"__builtin__:eval": "Python 2's name of builtins", "copy_reg": "Python 2's name of copyreg", "ｏｓ": "is not the name of a module", "m:ｆ": "is not the name of anything",
	} {
		_, err := policy.New([]string{"good", entry})
		require.ErrorContains(t, err, why, "%q", entry)
		assert.ErrorContains(t, err, "bad allow-list entry", "%q", entry)
		assert.ErrorContains(t, err, "module:qualname", "%q: it says what is right", entry)
	}
}
