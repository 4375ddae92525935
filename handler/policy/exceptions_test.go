package policy_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/handler/policy"
)

// TestArgumentsOfExceptions: what CPython would make a tuple of, copy or ask for a number is what it was made of.
func TestArgumentsOfExceptions(t *testing.T) {
	const (
		manyInts = "cbuiltins\nrange\nK\x00J\xff\xff\xff\x7fK\x01\x87R"
		value    = "cjobs\nValue\n)\x81"
		array    = "cnumpy.core.numeric\n_frombuffer\n(C\x01xcnumpy\ndtype\nX\x02\x00\x00\x00u1\x89\x88\x87RK\x01\x85X\x01\x00\x00\x00CtR"
	)
	text := "X\x01\x00\x00\x00m"
	for args, good := range map[string]bool{
		"SyntaxError\n" + text + "(" + text + "K\x01K\x02NtN\x86\x86":                                                        true,
		"SyntaxError\n" + text + manyInts + "\x86":                                                                           false,
		"IndentationError\n" + text + value + "\x86":                                                                         false,
		"ExceptionGroup\n" + text + "]cbuiltins\nValueError\n)Ra\x86":                                                        true,
		"ExceptionGroup\n" + text + manyInts + "\x86":                                                                        false,
		"BaseExceptionGroup\n" + text + value + "\x86":                                                                       false,
		"UnicodeDecodeError\n(" + text + "C\x01xK\x00K\x01" + text + "t":                                                     true,
		"UnicodeDecodeError\n(" + text + "c_codecs\nencode\n" + text + "X\x06\x00\x00\x00latin1\x86RK\x00K\x01" + text + "t": true,
		"UnicodeDecodeError\n(" + text + array + "K\x00K\x01" + text + "t":                                                   false,
		"UnicodeDecodeError\n(" + text + "C\x01x" + value + "K\x01" + text + "t":                                             false,
		"UnicodeEncodeError\n(" + text + text + "K\x00K\x01" + text + "t":                                                    true,
		"UnicodeEncodeError\n(" + text + text + "K\x00" + value + text + "t":                                                 false,
		"UnicodeTranslateError\n(" + text + value + "K\x01" + text + "t":                                                     false,
		"OSError\nK\x02" + text + text + "\x87":                                                                              true,
		"OSError\nK\x0b" + text + value + "\x87":                                                                             false,
		"BlockingIOError\nK\x01" + text + value + "\x87":                                                                     false,
		"ValueError\n" + manyInts + value + "\x86":                                                                           true,
	} {
		_, err := newPolicy(t, "value:jobs:Value").Reply([][]byte{[]byte("\x80\x03cbuiltins\n" + args + "R.")})
		if good {
			assert.NoError(t, err, "%q", args)
			continue
		}
		var refusal *policy.Refusal
		require.ErrorAs(t, err, &refusal, "%q", args)
		assert.Contains(t, refusal.Name, "builtins:", "%q", args)
	}
}
