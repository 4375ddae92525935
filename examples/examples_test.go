// Package examples_test builds the examples, runs each as a process, and compares what it prints with what its source
// says that it prints.
package examples_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/internal/buildtest"
	"github.com/gopyrpc/gopyrpc/internal/interpreters"
)

// limit bounds one example: on a busy machine three processes import torch in a minute.
const limit = 5 * time.Minute

// needs is a Python statement that fails where an example cannot run: it needs what not every Python has.
var needs = map[string]string{
	"numpy":      "import numpy",
	"torchgroup": "import torch.distributed.rpc as rpc; rpc.TensorPipeRpcBackendOptions()",
}

// binaries is the folder that the examples are built into.
var binaries string

func TestMain(m *testing.M) {
	buildtest.Main(m, func(dir string) { binaries = dir }, "./...")
}

// TestEveryExample runs each example in an empty folder, in which it leaves nothing.
func TestEveryExample(t *testing.T) {
	python := interpreters.Find(t)
	for _, name := range names(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if statement, ok := needs[name]; ok {
				if out, err := exec.CommandContext(t.Context(), python.Executable, "-c", statement).CombinedOutput(); err != nil {
					t.Skipf("%s cannot do what the example needs: %s: %s", python.Executable, statement, lastLine(out))
				}
			}
			assert.Equal(t, outputOf(t, name), sorted(run(t, name)))
		})
	}
}

// TestEveryExampleIsListed: the page of the examples names each, and each says in its first line which it is.
func TestEveryExampleIsListed(t *testing.T) {
	page, err := os.ReadFile("README.md")
	require.NoError(t, err)
	for _, name := range names(t) {
		assert.Contains(t, string(page), "("+name+"/main.go)")
		assert.Regexp(t, `\A// Command `+name+` `, source(t, name))
		assert.Contains(t, source(t, name), "\n//\tgo run ./examples/"+name+"\npackage main\n")
	}
	for name := range needs {
		assert.Contains(t, names(t), name)
	}
}

// names are the examples.
func names(t *testing.T) (found []string) {
	t.Helper()
	files, err := filepath.Glob("*/main.go")
	require.NoError(t, err)
	for _, file := range files {
		found = append(found, filepath.Dir(file))
	}
	require.Len(t, found, 8)
	return found
}

func source(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(name, "main.go"))
	require.NoError(t, err)
	return string(text)
}

// run runs an example, and returns what it has printed.
func run(t *testing.T, name string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(binaries, name))
	temporary := t.TempDir()
	cmd.Dir, cmd.Env = t.TempDir(), append(os.Environ(), "TMPDIR="+temporary)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // with the processes that it starts
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, "%s%s", out, stderr.String())
	for _, dir := range []string{cmd.Dir, temporary} {
		left, err := os.ReadDir(dir)
		require.NoError(t, err)
		assert.Empty(t, left, "what the example leaves behind")
	}
	return string(out)
}

var output = regexp.MustCompile(`(?m)^\t// Output:\n((?:\t// .*\n)+)`)

// outputOf is what an example says that it prints.
func outputOf(t *testing.T, name string) []string {
	t.Helper()
	found := output.FindAllStringSubmatch(source(t, name), -1)
	require.Len(t, found, 1, "one comment // Output: in a function's end")
	return sorted(strings.ReplaceAll(found[0][1], "\t// ", ""))
}

// sorted are the lines in an order of their own: several processes print.
func sorted(text string) []string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	slices.Sort(lines)
	return lines
}

func lastLine(out []byte) string {
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	return lines[len(lines)-1]
}
