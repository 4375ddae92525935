package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRunProgram(t *testing.T) {
	file := write(t, "program.py", `
import sys, sibling, gopyrpc, gopyrpc.internal
print(__name__, sys.argv[1:], sys.argv[0] == __file__)
print(sibling.text, gopyrpc.PythonUDF is gopyrpc.internal.PythonUDF)
print("w\u00f6rld", end="")
`)
	require.NoError(t, os.WriteFile(filepath.Join(filepath.Dir(file), "sibling.py"), []byte("text = 'found'"), 0o600))
	got := gopyrpc(t, "", "run", file, "one", "--kw", "-v", "--python")
	assert.Equal(t, "__main__ ['one', '--kw', '-v', '--python'] True\nfound True\nw\u00f6rld", got.ok(t))
}

// TestRunReadsStandardInput: it is the program's.
func TestRunReadsStandardInput(t *testing.T) {
	file := write(t, "program.py", "import sys\nprint(sys.stdin.read()[::-1])\n")
	assert.Equal(t, "cba\n", gopyrpc(t, "abc", "run", file).ok(t))
}

// TestRunFlushes: 100 lines go into a pipe, where Python keeps them in a buffer.
func TestRunFlushes(t *testing.T) {
	file := write(t, "program.py", "import atexit\natexit.register(print, 'bye')\nprint('line\\n' * 100, end='')\n")
	out := gopyrpc(t, "", "run", file).ok(t)
	assert.Len(t, out, 100*len("line\n")+len("bye\n"))
}

func TestRunRaises(t *testing.T) {
	file := write(t, "program.py", "def f():\n    raise ValueError('no')\n\nprint('before')\nf()\n")
	got := gopyrpc(t, "", "run", file)
	assert.Equal(t, 1, got.status)
	assert.Equal(t, "before\n", got.stdout)
	assert.Contains(t, got.stderr, "gopyrpc: the program raised\nTraceback (most recent call last):\n")
	assert.Contains(t, got.stderr, file+`", line 2, in f`)
	assert.Contains(t, got.stderr, "    raise ValueError('no')\nValueError: no\n")
	gopyrpc(t, "", "run", write(t, "bad.py", "def f(:\n")).failed(t, 1, "SyntaxError", "bad.py")
}

// TestRunExits: sys.exit means what it does with python3.
func TestRunExits(t *testing.T) {
	for _, c := range []struct {
		exit, stderr string
		status       int
	}{
		{"sys.exit(3)", "", 3}, {"sys.exit()", "", 0}, {"sys.exit(None)", "", 0}, {"sys.exit(0)", "", 0}, {"sys.exit(-1)", "", 255},
		{"sys.exit('text')", "text\n", 1}, {"sys.exit('3')", "3\n", 1}, {"sys.exit('0')", "0\n", 1}, {"sys.exit(True)", "", 1}, {"sys.exit(['a', 1])", "['a', 1]\n", 1}, {"raise SystemExit(256 + 5)", "", 5},
	} {
		got := gopyrpc(t, "", "run", write(t, "program.py", "import sys\nprint('out')\n"+c.exit+"\n"))
		assert.Equal(t, ended{"out\n", c.stderr, c.status}, got, c.exit)
	}
}

// TestRunSourceEncodings: a byte order mark, and a coding line.
func TestRunSourceEncodings(t *testing.T) {
	for name, source := range map[string]string{
		"mark":   "\xef\xbb\xbfprint('w\u00f6')\n",
		"cookie": "# -*- coding: latin-1 -*-\nprint('w\xf6')\n",
		"second": "#!/usr/bin/env python3\n# vim: set fileencoding=latin-1 :\nprint('w\xf6')\n",
		"crlf":   "x = '''w\u00f6'''\r\nprint(x)\r\n",
	} {
		assert.Equal(t, "w\u00f6\n", gopyrpc(t, "", "run", write(t, "program.py", source)).ok(t), name)
	}
	gopyrpc(t, "", "run", write(t, "program.py", "print('w\xf6')\n")).failed(t, 1, "the program raised", "Error")
}

func TestRunMissingFile(t *testing.T) {
	here(t, "run", "not_there.py").failed(t, 1, "gopyrpc: the script cannot be read: open not_there.py: no such file or directory\n")
	here(t, "run").failed(t, 2, "requires at least 1 arg(s), only received 0; usage: gopyrpc run [-n WORKERS] SCRIPT.py [ARG...]")
}

// TestRunJoinFails: what fails in the join is told beside how the program ended, which decides.
func TestRunJoinFails(t *testing.T) {
	const broken = "import sys\nclass Broken:\n    def flush(self): return 1 / 0\nsys.stdout = Broken()\n"
	gopyrpc(t, "", "run", write(t, "program.py", broken)).failed(t, 1, "sys.stdout: ZeroDivisionError: division by zero")
	gopyrpc(t, "", "run", write(t, "program.py", broken+"sys.exit(3)\n")).failed(t, 3, "sys.stdout: ZeroDivisionError: division by zero")
}

// TestRunReport: what was released is in the reports, of an agent that nobody shut down too.
func TestRunReport(t *testing.T) {
	run := func(end string) string {
		return gopyrpc(t, "", "run", "--report", write(t, "program.py", `
import gopyrpc as rpc
rpc.init_rpc("w0", rank=0, world_size=1, rpc_backend_options=rpc.RpcBackendOptions(init_method="tcp://127.0.0.1:0"))
kept = rpc.remote("w0", list)
print(kept.to_here())
`+end)).ok(t)
	}
	for _, end := range []string{"rpc.shutdown(graceful=False)", ""} {
		out := run(end)
		assert.True(t, strings.HasPrefix(out, "[]\n"), "in the order of events: %s", out)
		assert.Equal(t, 1, strings.Count(out, "join of agent w0\n  PHASE "), out)
		assert.Equal(t, 1, strings.Count(out, "join of the process\n  PHASE "), out)
		assert.Regexp(t, `(?m)^  agent +agent w0 +released `, out)
		assert.Regexp(t, `(?m)^  released: 1 × RRef values$`, out, end)
	}
}
