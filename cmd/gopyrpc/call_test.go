package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCallReturns(t *testing.T) {
	for _, c := range []struct {
		want string
		args []string
	}{
		{"5.0\n", []string{"math:hypot", "3", "4"}},
		{"3.0\n", []string{"math:fabs", "--", "-3"}},
		{"[3, 2, 1]\n", []string{"builtins:sorted", "[3, 1, 2]", "--kw", "reverse=True"}},
		{"'Hello, w\u00f6rld'\n", []string{"cmd_udfs:greet", `"w\u00f6rld"`}},
		{"None\n", []string{"builtins:print"}},
		{"'ABC'\n", []string{"builtins:str.upper", "'abc'"}},
		{"'\\ud800'\n", []string{"cmd_udfs:text", `'\ud800'`}},
		{"{'z': 1, 'a': 2, 'm': [3]}\n", []string{"cmd_udfs:keywords", "--kw", "z=1", "--kw", "a=2", "--kw", "m=[3]"}},
		{"{'name': 'a=b'}\n", []string{"cmd_udfs:keywords", "--kw", "name='a=b'"}},
	} {
		got := gopyrpc(t, "", append([]string{"call", "self"}, c.args...)...)
		if c.args[0] == "builtins:print" {
			c.want = "\n" + c.want // what the function printed comes first
		}
		assert.Equal(t, c.want, got.ok(t), "%q", c.args)
	}
}

func TestCallRaises(t *testing.T) {
	got := gopyrpc(t, "", "call", "self", "cmd_udfs:refuse", "'you'")
	got.failed(t, 1, "gopyrpc: cmd_udfs:refuse raised\n", "in refuse", `raise Refused(f"not {name}")`, "cmd_udfs.Refused: not you")
	assert.Equal(t, 5, strings.Count(got.stderr, "\n"), "the function's own frames, and nothing twice: %s", got.stderr)
	got = gopyrpc(t, "", "call", "-v", "self", "cmd_udfs:refuse", "'you'")
	assert.Contains(t, got.stderr, ownMark+"_exceptions/remote.py\"", "all with --verbose")
	got = gopyrpc(t, "", "call", "self", "cmd_udfs:missing_import")
	got.failed(t, 1, "No module named 'not_there_at_all'")
	assert.NotContains(t, got.stderr, "--path", "the function was found")
	gopyrpc(t, "", "call", "self", "cmd_udfs:leave", "3").failed(t, 1, "cmd_udfs:leave raised", "SystemExit: 3")
	gopyrpc(t, "", "call", "self", "cmd_udfs:greet").failed(t, 1, "TypeError: greet() missing 1 required positional argument")
	gopyrpc(t, "", "call", "self", "cmd_udfs:generator").failed(t, 1, "SerializeTypeError: cannot serialize", "generator")
}

func TestCallNotFound(t *testing.T) {
	gopyrpc(t, "", "call", "self", "not_there:f").failed(t, 1, "No module named 'not_there'", "(name the folder of the module with --path)")
	gopyrpc(t, "", "call", "self", "math:hypo").failed(t, 1, "module 'math' has no attribute 'hypo'")
	gopyrpc(t, "", "call", "self", "math:pi").failed(t, 1, "math:pi raised TypeError: PythonUDF.func is not callable: float: 3.14")
	gopyrpc(t, "", "call", "self", "math:sqrt", "4", "--module", "not_there").failed(t, 1, "rpc module not_there")
}

// TestCallUsage: a wrong command line is status 2.
func TestCallUsage(t *testing.T) {
	gopyrpc(t, "", "call", "self", "math:sqrt", "word").failed(t, 2, `gopyrpc: argument 1 is no Python literal: word (text needs quotes of its own: '"text"')`+"\n")
	gopyrpc(t, "", "call", "self", "math:sqrt", "1 +").failed(t, 2, "argument 1 is no Python literal: 1 + (")
	gopyrpc(t, "", "call", "self", "math:sqrt", "--kw", "x=open('y')").failed(t, 2, "--kw x is no Python literal: open('y')")
	here(t, "call").failed(t, 2, "requires at least 2 arg(s), only received 0; usage: gopyrpc call TARGET MODULE:FUNCTION [ARG...]")
	here(t, "call", "self", "math").failed(t, 2, `"math" is not of the form module:function, such as math:hypot`)
	here(t, "call", "self", ":f").failed(t, 2, `":f" is not of the form`)
	here(t, "call", "elsewhere", "math:sqrt", "4").failed(t, 2, `no address for target "elsewhere": give --peer elsewhere=host:port, or set GOPYRPC_PEERS`)
	here(t, "call", "--peer", "w0", "w0", "math:sqrt", "4").failed(t, 2, `peer "w0" is not of the form name=host:port`)
	here(t, "call", "--as", "w0", "--peer", "w0=127.0.0.1:1", "w0", "math:sqrt", "4").failed(t, 2, "--as w0 is the name of the worker that is called")
	here(t, "call", "--module", "m", "--peer", "w0=h:1", "w0", "math:sqrt", "4").failed(t, 2, "workers speak gopyrpc.internal")
	here(t, "call", "self", "math:sqrt", "-4").failed(t, 2, "write -- before arguments that begin with -")
	here(t, "call", "self", "math:sqrt", "--kw", "x").failed(t, 2, `--kw "x" is not of the form name=literal`)
	here(t, "call", "self", "math:sqrt", "--kw", "x=1", "--kw", "x=2").failed(t, 2, "--kw x is given twice")
}

// TestCallChildren: what functions start has the package too, also where it is not installed.
func TestCallChildren(t *testing.T) {
	python(t)
	for _, call := range [][]string{
		{"cmd_udfs:child", `'import gopyrpc; print(gopyrpc.__version__, end="")'`},
		{"cmd_udfs:spawned"},
	} {
		cmd := command(t, append([]string{"call", "self"}, call...)...)
		cache := t.TempDir()
		cmd.Env = append(cmd.Environ(), "PYTHONPATH=", "XDG_CACHE_HOME="+cache)
		assert.Equal(t, "'"+version+"'\n", finish(t, cmd).ok(t), call[0])
		unpacked, err := filepath.Glob(filepath.Join(cache, "gopyrpc", version+"-*", "gopyrpc", "__init__.py"))
		require.NoError(t, err)
		assert.Len(t, unpacked, 1)
	}
}
