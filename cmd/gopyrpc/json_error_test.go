package main

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// answer reads the one line that call --json prints, and its error if it is one.
func (e ended) answer(t *testing.T) jsonError {
	t.Helper()
	var answer map[string]jsonError
	require.Equal(t, 1, strings.Count(e.stdout, "\n"), "one line: %s", e.stdout)
	require.NoError(t, json.Unmarshal([]byte(e.stdout), &answer), e.stdout)
	require.Len(t, answer, 1)
	require.Contains(t, answer, "error")
	assert.Empty(t, e.stderr)
	return answer["error"]
}

// TestCallJSON: what JSON has no form for is tagged; the encoding itself is tested with the package.
func TestCallJSON(t *testing.T) {
	got := gopyrpc(t, "", "call", "self", "cmd_udfs:values", "--json")
	assert.Equal(t, `{"$dict":[["a",[1,2.5,null,true]],["b",{"$tuple":["<&>",{"$set":[3]}]}],[null,{"$complex":[2.0,1.0]}],[7,{"$bytes":"/w=="}]]}`+"\n", got.ok(t))
	assert.Equal(t, `{"$dict":[[1,2],["1",3]]}`+"\n", gopyrpc(t, "", "call", "self", "cmd_udfs:text", "{1: 2, '1': 3}", "--json").ok(t))
	assert.Equal(t, `{"$float":"nan"}`+"\n", gopyrpc(t, "", "call", "self", "builtins:float", `"nan"`, "--json").ok(t))
	assert.Equal(t, `{"$date":"2000-01-01"}`+"\n", gopyrpc(t, "", "call", "self", "datetime:date", "2000", "1", "1", "--json").ok(t))
	assert.Equal(t, `{"$object":{"type":"cmd_udfs.Loud","repr":"\u001b[31mred\u202e"}}`+"\n", gopyrpc(t, "", "call", "self", "cmd_udfs:loud", "--json").ok(t))
}

// TestCallJSONAlone: what a function prints is not among it.
func TestCallJSONAlone(t *testing.T) {
	got := gopyrpc(t, "", "call", "self", "cmd_udfs:says", "[1]", "--json")
	assert.Equal(t, ended{"[1]\n", "said\n", 0}, got)
}

func TestCallJSONErrors(t *testing.T) {
	s := serveAgent(t, "--name", "w0", "--allow", "cmd_udfs", "--allow", "math")
	worker := []string{"--peer", s.peer, "w0"}
	for _, c := range []struct {
		args                      []string
		status                    int
		errorType, message, trace string
	}{
		{[]string{"self", "cmd_udfs:refuse", "'you'"}, 1, "cmd_udfs.Refused", "not you", "in refuse"},
		{append(worker, "cmd_udfs:refuse", "'you'"), 1, "cmd_udfs.Refused", "not you", "in refuse"},
		{[]string{"self", "math:sqrt", "--", "-1"}, 1, "ValueError", "math domain error", ""},
		{append(worker, "math:nothing"), 1, "gopyrpc.internal.DeserializeError", "'nothing'", ""},
		{append(worker, "posix:getpid"), 1, "gopyrpc.internal.DeserializeError", "not on the allow-list", ""},
		{append([]string{"--as", "eve"}, append(worker, "math:pi")...), 1, "PermissionDenied", "eve", ""},
		{[]string{"--peer", "w9=127.0.0.1:1", "w9", "math:pi"}, 1, "Unavailable", "connection refused", ""},
		{[]string{"self", "not_there:f"}, 1, "ModuleNotFoundError", "(name the folder of the module with --path)", ""},
		{[]string{"self", "cmd_udfs:generator"}, 1, "gopyrpc.internal.SerializeTypeError", "cannot serialize", ""},
		{[]string{"--timeout", "300ms", "self", "time:sleep", "100000"}, 1, "timeout", "time:sleep did not return within 300ms", ""},
		{[]string{"self", "math:sqrt", "word"}, 2, "usage", "is no Python literal", ""},
		{[]string{"self", "math"}, 2, "usage", "not of the form module:function", ""},
		{[]string{"self"}, 2, "usage", "requires at least 2 arg(s)", ""},
		{[]string{"--timeout", "5", "self", "math:pi"}, 2, "usage", "missing unit", ""},
		{[]string{"--python", "/not/there", "self", "math:pi"}, 1, "failure", "/not/there", ""},
	} {
		got := gopyrpc(t, "", append([]string{"call", "--json"}, c.args...)...)
		answer := got.answer(t)
		assert.Equal(t, c.status, got.status, "%q", c.args)
		assert.Equal(t, c.errorType, answer.Type, "%q", c.args)
		assert.Contains(t, answer.Message, c.message, "%q", c.args)
		assert.Contains(t, answer.Traceback, c.trace, "%q", c.args)
		assert.NotContains(t, answer.Traceback, "<gopyrpc>", "%q", c.args)
		assert.NotContains(t, answer.Message, "next attempt", "%q", c.args)
	}
}

// TestCallJSONStopped: a signal is an error as well.
func TestCallJSONStopped(t *testing.T) {
	python(t)
	fifo := filepath.Join(t.TempDir(), "fifo")
	require.NoError(t, syscall.Mkfifo(fifo, 0o600))
	cmd := command(t, "call", "--json", "self", "cmd_udfs:tell", "'"+fifo+"'")
	got := interruptedWhen(t, cmd, func(*bufio.Reader) {
		said, err := os.ReadFile(fifo)
		require.NoError(t, err)
		require.Equal(t, "in\n", string(said))
	}, syscall.SIGTERM)
	assert.Equal(t, 143, got.status)
	var answer map[string]jsonError
	require.NoError(t, json.Unmarshal([]byte(got.stdout), &answer), got.stdout)
	assert.Equal(t, "stopped", answer["error"].Type)
}
