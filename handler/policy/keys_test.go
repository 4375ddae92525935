package policy_test

import (
	"encoding/binary"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/handler/pickle"
)

// TestKeysThatAreComparedCountInAll: all of a payload's dicts and sets together, as the same objects can be the keys of many.
func TestKeysThatAreComparedCountInAll(t *testing.T) {
	const objects = 1000
	get := func(i int) string { return "j" + string(binary.LittleEndian.AppendUint32(nil, uint32(i))) }
	keys, again := "", ""
	for i := range objects {
		keys += "h\x00J" + string(binary.LittleEndian.AppendUint32(nil, uint32(i))) + "K\x01K\x01\x87R" + "r" + string(binary.LittleEndian.AppendUint32(nil, uint32(1+i)))
		again += get(1+i) + "N"
	}
	ranges := "cbuiltins\nrange\nq\x00](" + keys + "e"
	for name, more := range map[string]string{
		"dicts":              "}(" + again + "u",
		"sets":               "cbuiltins\nset\n" + get(objects+1) + "\x85R",
		"counters":           "ccollections\nCounter\n}(" + again + "u\x85R",
		"dicts after a call": "ccollections\nOrderedDict\n)R(" + again + "u",
	} {
		for many, good := range map[int]bool{1: true, 8: true, 100: false} {
			value := "(" + ranges + "r" + string(binary.LittleEndian.AppendUint32(nil, objects+1)) + strings.Repeat(more, many) + "t"
			_, err := newPolicy(t).Reply([][]byte{[]byte("\x80\x02" + value + ".")})
			if good {
				assert.NoError(t, err, "%s, %d", name, many)
				continue
			}
			var malformed *pickle.Error
			require.ErrorAs(t, err, &malformed, "%s, %d", name, many)
			assert.Contains(t, malformed.Rule, "compared", "%s, %d", name, many)
		}
	}
}

// TestLongDecimals: one text can be that of many, and CPython reads it each time.
func TestLongDecimals(t *testing.T) {
	long := "X\xc0\x10\x00\x00" + strings.Repeat("7", 4288)
	many := func(n int) string {
		return "](cdecimal\nDecimal\nq\x00" + long + "q\x01\x85R" + strings.Repeat("h\x00h\x01\x85R", n-1) + "e"
	}
	for value, good := range map[string]bool{many(900): true, many(1000): false, "](" + strings.Repeat("cdecimal\nDecimal\nX\x02\x00\x00\x0042\x85R", 100_000) + "e": true} {
		_, err := newPolicy(t).Reply([][]byte{[]byte("\x80\x02" + value + ".")})
		if good {
			require.NoError(t, err)
			continue
		}
		require.ErrorContains(t, err, "decimal:Decimal has, with the other long ones")
	}
}
