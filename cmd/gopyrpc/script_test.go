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
	assert.Equal(t, "before\n", got.stdout)
	got.raised(t, file+`", line 2, in f`, "    raise ValueError('no')\nValueError: no\n")
	got = gopyrpc(t, "", "run", write(t, "bad.py", "def f(:\n"))
	assert.Equal(t, 1, got.status)
	assert.Contains(t, got.stderr, "SyntaxError")
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
	got := gopyrpc(t, "", "run", write(t, "program.py", "print('w\xf6')\n"))
	assert.Equal(t, 1, got.status)
	assert.Contains(t, got.stderr, "SyntaxError")
}

func TestRunMissingFile(t *testing.T) {
	here(t, "run", "not_there.py").failed(t, 1, "gopyrpc: the script cannot be read: stat not_there.py: no such file or directory\n")
	here(t, "run").failed(t, 2, "there is no program; usage: gopyrpc run [-n WORKERS] [--as-torch] SCRIPT.py|-m MODULE|-c CODE [ARG...]")
}

// TestRunReport: what became of an agent is printed when it leaves, of one that nobody shut down too.
func TestRunReport(t *testing.T) {
	run := func(end string) string {
		return gopyrpc(t, "", "run", "--report", write(t, "program.py", `
import gopyrpc as rpc
rpc.init_rpc("w0", rank=0, world_size=1, rpc_backend_options=rpc.RpcBackendOptions(init_method="tcp://127.0.0.1:0"))
kept = rpc.remote("w0", list)
print(kept.to_here(), flush=True)
`+end)).ok(t)
	}
	for _, end := range []string{"rpc.shutdown(graceful=False)", ""} {
		out := run(end)
		assert.True(t, strings.HasPrefix(out, "[]\n"), "in the order of events: %s", out)
		assert.Equal(t, 1, strings.Count(out, "join of agent w0\n  PHASE "), out)
		assert.Regexp(t, `(?m)^  agent +agent w0 +released `, out)
		assert.Regexp(t, `(?m)^  released: 1 × RRef values$`, out, end)
	}
}

// TestRunModuleAndCode: as python3 -m and -c, and what follows is the program's.
func TestRunModuleAndCode(t *testing.T) {
	assert.Equal(t, "['-c', '--path', '-n', 'x']\n", gopyrpc(t, "", "run", "-c", "import sys; print(sys.argv)", "--path", "-n", "x").ok(t))
	assert.Equal(t, "[\n    1\n]\n", gopyrpc(t, "[1]", "run", "-m", "json.tool", "-").ok(t))
	out := gopyrpc(t, "", "run", "-n", "2", "-c", "import sys, gopyrpc; print(sys.argv, gopyrpc.__version__)", "-v").ok(t)
	assert.Equal(t, []string{"[0] ['-c', '-v'] " + version, "[1] ['-c', '-v'] " + version}, sortedLines(out))
	here(t, "run", "-n", "2").failed(t, 2, "there is no program; usage: gopyrpc run ")
}

// TestRunChildren: what a program starts can import the package too.
func TestRunChildren(t *testing.T) {
	out := gopyrpc(t, "", "run", write(t, "program.py", `
import multiprocessing as mp, subprocess, sys
def child(queue):
    import gopyrpc
    queue.put(gopyrpc.__version__)
if __name__ == "__main__":
    context = mp.get_context("spawn")
    queue = context.Queue()
    process = context.Process(target=child, args=(queue,))
    process.start()
    print(queue.get())
    process.join()
    print(process.exitcode, subprocess.check_output([sys.executable, "-c", "import gopyrpc; print(gopyrpc.__version__)"], text=True), end="")
`)).ok(t)
	assert.Equal(t, version+"\n0 "+version+"\n", out)
}
