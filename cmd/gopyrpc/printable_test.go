package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestPrintable(t *testing.T) {
	for text, want := range map[string]string{
		"":                          "",
		"w\u00f6rld \U0001f600\n\t": "w\u00f6rld \U0001f600\n\t",
		"\x1b[31m\x07\x00\r\x7f":    `\x1b[31m\x07\x00\r\x7f`,
		"\u009b\u00a0\u202e\ufeff":  `\x9b\xa0\u202e\ufeff`,
		"\U000e0001":                `\U000e0001`,
		"a\xff\xedb":                "a\ufffd\ufffdb",
	} {
		assert.Equal(t, want, printable(text))
	}
}

// FuzzPrintableJSON: the value stays, and nothing is left that a terminal would obey.
func FuzzPrintableJSON(f *testing.F) {
	f.Add("\x1b[31m\u202e\U000e0001\"\\<&>\u2028\n")
	f.Fuzz(func(t *testing.T, value string) {
		text, err := json.Marshal(map[string]string{value: value})
		require.NoError(t, err)
		made := printableJSON(string(text))
		assert.Equal(t, made, printable(made))
		assert.NotContains(t, made, "\n")
		assert.JSONEq(t, string(text), made)
	})
}

// TestHostileText: what comes from Python or a peer is no command to the terminal, whatever part of the output it is in.
func TestHostileText(t *testing.T) {
	s := serveAgent(t, "--name", "w0")
	assert.Equal(t, `\x1b[31mred\u202e`+"\n", gopyrpc(t, "", "call", "self", "cmd_udfs:loud").ok(t), "a repr")
	assert.Equal(t, `\x1b[31mred\u202e`+"\n", gopyrpc(t, "", "call", "--peer", s.peer, "w0", "cmd_udfs:loud").ok(t))

	const refused = `cmd_udfs.Refused: \x1b[2J\u202e\x9b\r` + "\ttab\nw\u00f6rld\n"
	for _, verbose := range []string{"--verbose=false", "--verbose"} {
		got := gopyrpc(t, "", "call", verbose, "--peer", s.peer, "w0", "cmd_udfs:hostile")
		assert.Contains(t, got.stderr, refused, "an exception of a peer")
		assert.NotContains(t, got.stderr, "\x1b")
		got = gopyrpc(t, "", "call", verbose, "self", "cmd_udfs:hostile")
		assert.Contains(t, got.stderr, refused)
		assert.NotContains(t, got.stderr, "\x1b")
		assert.Equal(t, "said \x1b]0;title\x07\n", got.stdout, "what a function prints itself is its own affair")
	}
	gopyrpc(t, "", "call", "self", "cmd_udfs:\x1b[31m").failed(t, 1, `has no attribute '\x1b[31m'`)
	here(t, "call", "self", "\x1b[31m").failed(t, 2, `"\x1b[31m" is not of the form`)
	here(t, "\x1b[31m").failed(t, 2, `no command "\x1b[31m"`)

	dir := filepath.Join(t.TempDir(), "\x1b[31m")
	require.NoError(t, os.Mkdir(dir, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "cmd_named.py"), []byte("def f(): raise ValueError\n"), 0o600))
	got := gopyrpc(t, "", "call", "--path", dir, "self", "cmd_named:f")
	assert.Contains(t, got.stderr, `\x1b[31m/cmd_named.py`, "a file's name in a traceback")
}
