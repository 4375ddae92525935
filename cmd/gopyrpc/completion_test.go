package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestCompletion: what a shell is told. The directive 4 is "no files", 16 "folders only", 0 "files too".
func TestCompletion(t *testing.T) {
	t.Setenv(peersVariable, "")
	for _, c := range []struct{ words, want string }{
		{"call --peer w0=h:1 --peer w1=h:2 |", "w0 w1 self :4"},
		{"call self |", ":4"},
		{"call --timeout |", ":4"},
		{"call --module |", "gopyrpc.internal torch.distributed.rpc.internal :4"},
		{"call --tls-ca |", ":0"},
		{"call --path |", ":16"},
		{"doctor |", ":4"},
		{"run |", ":0"},
		{"cal|", "call\tCall a Python function with literal arguments :4"},
	} {
		words := strings.Split(strings.TrimSuffix(c.words, "|"), " ") // the last may be empty
		got := here(t, append([]string{"__complete"}, words...)...)
		assert.Equal(t, c.want, strings.Join(strings.Split(strings.TrimSpace(got.stdout), "\n"), " "), c.words)
	}
	t.Setenv(peersVariable, "w7=h:7")
	assert.Equal(t, "w7\nself\n:4\n", here(t, "__complete", "call", "").stdout)
}
