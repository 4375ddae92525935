package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestDemo: the command alone shows the demonstration, in an empty folder outside the repository, and leaves nothing behind.
func TestDemo(t *testing.T) {
	python(t)
	cmd, left := exec.CommandContext(t.Context(), binary, "demo"), t.TempDir()
	cmd.Dir, cmd.Env = t.TempDir(), append(os.Environ(), "TMPDIR="+left)
	out := finish(t, cmd).ok(t)
	for _, dir := range []string{cmd.Dir, left} {
		files, err := os.ReadDir(dir)
		require.NoError(t, err)
		assert.Empty(t, files)
	}
	for _, text := range []string{
		"gopyrpc.internal\n", "math.hypot(3, 4)", "5.0", "Account('ada', 15)", "demo_udfs.Overdrawn < ValueError",
		"returned: ", "raised: ", "no result: ", "torch.distributed.rpc.internal\n", "GIL and threads", "join\n", "references still owned: 0\n",
		"  [0] a call:         Hello", "worker1 heard from worker0: ", "Account('ada', 15) at worker1\n", "  [0] demo_udfs.Overdrawn: ", "On worker1:\n",
		"  [0] left the group", "  [1] left the group",
	} {
		assert.Contains(t, out, text)
	}
	for rank := range 2 {
		said := ""
		for line := range strings.Lines(out) { // those of the other may come between
			if text, ok := strings.CutPrefix(line, fmt.Sprintf("  [%d] ", rank)); ok {
				said += text
			}
		}
		assert.Regexp(t, fmt.Sprintf(`(?m)^join of agent worker%d\n  PHASE .*\n  agent +agent worker%d +released `, rank, rank), said)
	}
	assert.NotContains(t, out, "UNEXPECTED")
	assert.NotContains(t, out, "leaked")
}

func TestIndented(t *testing.T) {
	var out strings.Builder
	i := &indented{w: &out}
	for _, text := range []string{"a", "b\n\nc\n", "", "\n", "d"} {
		n, err := i.Write([]byte(text))
		require.NoError(t, err)
		assert.Equal(t, len(text), n)
	}
	assert.Equal(t, "  ab\n  \n  c\n  \n  d", out.String())
}

// TestPythonThatSetupChooses: setup names the interpreter with most of what the demonstration shows, and make runs that.
func TestPythonThatSetupChooses(t *testing.T) {
	root, err := filepath.Abs(filepath.Join("..", ".."))
	require.NoError(t, err)
	choose := func(has string) string {
		stub := write(t, "python3", `#!/bin/sh
shift 3
for module; do case " `+has+` " in *" $module "*) ;; *) exit 1 ;; esac; done
`)
		require.NoError(t, os.Chmod(stub, 0o700))
		cmd := exec.CommandContext(t.Context(), filepath.Join(root, "scripts", "python.sh"), "--most", "numpy", "torch")
		cmd.Env = append(os.Environ(), "GOPYRPC_PYTHON="+stub)
		out, err := cmd.Output()
		require.NoError(t, err)
		return strings.TrimSpace(strings.ReplaceAll(string(out), stub, "stub"))
	}
	for _, has := range []string{"numpy torch", "numpy", ""} {
		assert.Equal(t, "stub", choose(has), has)
	}
	setup, err := os.ReadFile(filepath.Join(root, "scripts", "setup.sh"))
	require.NoError(t, err)
	assert.Contains(t, string(setup), "python=$(scripts/python.sh --most numpy torch)")
	run, err := exec.CommandContext(t.Context(), "make", "-n", "-C", root, "run").CombinedOutput()
	require.NoError(t, err, "%s", run)
	assert.Contains(t, string(run), `GOPYRPC_PYTHON="$(scripts/python.sh --most numpy torch)" bin/gopyrpc demo`)
}
