package main

import (
	"encoding/json"
	"os"
	"regexp"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var commands = []string{"agent", "call", "demo", "doctor", "run", "udf", "version"}

func TestHelp(t *testing.T) {
	for _, args := range [][]string{{}, {"--help"}, {"help"}} {
		out := here(t, args...).ok(t)
		for _, name := range commands {
			assert.Contains(t, out, "\n  "+name+" ", "%v", args)
		}
	}
	for _, name := range commands {
		out := here(t, name, "--help").ok(t)
		assert.Contains(t, out, "\n  gopyrpc "+name, "usage")
		assert.NotContains(t, out, "stringArray", "%s: flags name what they take", name)
		assert.NotContains(t, out, " string ", "%s: flags name what they take", name)
		for line := range strings.Lines(out) {
			assert.LessOrEqual(t, len([]rune(line)), 140, "%s: %s", name, line)
			assert.LessOrEqual(t, strings.Count(line, "(default"), 1, "%s: %s", name, line)
			assert.NotContains(t, line, "(default -1)", "%s: a number that stands for none is none to give", name)
		}
	}
}

func TestVersion(t *testing.T) {
	assert.Regexp(t, "^gopyrpc "+regexp.QuoteMeta(version)+`( [0-9a-f]{12}(\+changes)?)? \(`+runtime.Version()+", "+runtime.GOOS+"/"+runtime.GOARCH+`\)\n$`,
		here(t, "version").ok(t))
	assert.Equal(t, here(t, "version"), here(t, "--version"))
	var v map[string]string
	require.NoError(t, json.Unmarshal([]byte(here(t, "version", "--json").ok(t)), &v))
	assert.Equal(t, map[string]string{"version": version, "commit": commit(), "go": runtime.Version(), "os": runtime.GOOS, "arch": runtime.GOARCH}, v)
}

func TestCommitOf(t *testing.T) {
	revision := debug.BuildSetting{Key: "vcs.revision", Value: "0123456789abcdef0123"}
	assert.Empty(t, commitOf(nil))
	assert.Equal(t, "0123456789ab", commitOf([]debug.BuildSetting{revision, {Key: "vcs.modified", Value: "false"}}))
	assert.Equal(t, "0123456789ab+changes", commitOf([]debug.BuildSetting{revision, {Key: "vcs.modified", Value: "true"}}))
}

// TestTheChangelogHasTheVersion, which the Python package has: see python.Version.
func TestTheChangelogHasTheVersion(t *testing.T) {
	content, err := os.ReadFile("../../CHANGELOG.md")
	require.NoError(t, err)
	assert.Contains(t, string(content), "\n## ["+version+"]")
}

// TestUsage: a wrong command line is status 2, and says where to look.
func TestUsage(t *testing.T) {
	for _, c := range []struct {
		args string
		want string
	}{
		{"nope", `gopyrpc: no command "nope"; see gopyrpc --help` + "\n"},
		{"cal", `gopyrpc: no command "cal" (did you mean call?); see gopyrpc --help` + "\n"},
		{"call --tls-crt x", "gopyrpc: unknown flag: --tls-crt (did you mean --tls-ca or --tls-cert?); see gopyrpc call --help\n"},
		{"udf --max-bytes 1PiB", `invalid argument "1PiB" for "--max-bytes" flag: a number of bytes was expected, such as 1048576, 64MiB or 1GB`},
		{"--nope", "gopyrpc: unknown flag: --nope; see gopyrpc --help\n"},
		{"udf --nope", "gopyrpc: unknown flag: --nope; see gopyrpc udf --help\n"},
		{"udf extra", `gopyrpc: unknown command "extra" for "gopyrpc udf"; usage: gopyrpc udf [flags] < PAYLOAD > RESULT` + "\n"},
		{"version --python", "gopyrpc: flag needs an argument: --python; see gopyrpc version --help\n"},
		{"udf --max-bytes x", `invalid argument "x" for "--max-bytes" flag`},
	} {
		here(t, strings.Fields(c.args)...).failed(t, 2, c.want)
	}
}
