package docs_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/cmd/gopyrpc/launch"
	"github.com/gopyrpc/gopyrpc/internal/buildtest"
	"github.com/gopyrpc/gopyrpc/internal/interpreters"
)

// limit bounds one block.
const limit = time.Minute

// commands is the folder with the gopyrpc that the documents speak of.
var commands string

func TestMain(m *testing.M) {
	buildtest.MainWithPackage(m, func(dir string) { commands = dir }, "../cmd/gopyrpc")
}

// TestEveryBlockRuns types what the documents say into a fresh folder for each document. docs/style.md says what is
// done with which block.
func TestEveryBlockRuns(t *testing.T) {
	linkPython(t, interpreters.Find(t).Executable)
	for _, document := range documents(t) {
		t.Run(document, func(t *testing.T) {
			t.Parallel()
			r := reader{document: document, folder: t.TempDir(), port: freePort(t)}
			blocks := blocksOf(read(t, document))
			for i, b := range blocks {
				var output *block
				if i+1 < len(blocks) && blocks[i+1].language == "text" && blocks[i+1].is("output") {
					output = &blocks[i+1]
				}
				r.follow(t, b, output)
			}
		})
	}
}

// linkPython has documents that say python3 mean the interpreter that the tests run with.
func linkPython(t *testing.T, executable string) {
	t.Helper()
	script := fmt.Sprintf("#!/bin/sh\nexec '%s' \"$@\"\n", executable) // a link would not be the interpreter of its environment
	require.NoError(t, os.WriteFile(filepath.Join(commands, "python3"), []byte(script), 0o700))
}

// reader is somebody who follows a document.
type reader struct {
	document, folder string
	port             string // in the place of 29500, which may be taken
}

func (r reader) follow(t *testing.T, b block, output *block) {
	t.Helper()
	if b.is("show") || b.language == "text" {
		return
	}
	at := fmt.Sprintf("%s:%d", r.document, b.line)
	text := strings.ReplaceAll(b.text, "29500", r.port)
	if name := b.file(); name != "" {
		require.NoError(t, os.WriteFile(filepath.Join(r.folder, name), []byte(text), 0o600))
		return
	}
	switch b.language {
	case "go":
		r.runs(t, at, want(text, output), r.compiled(t, at, text, b.line))
	case "python":
		script := filepath.Join(r.folder, fmt.Sprintf("block%d.py", b.line))
		require.NoError(t, os.WriteFile(script, []byte(text), 0o600))
		r.runs(t, at, want(text, output), filepath.Join(commands, "gopyrpc"), "run", script)
	case "sh":
		r.runs(t, at, want("", output), "bash", "-eu", "-c", text)
	case "console":
		script, expected := console(text)
		r.runs(t, at, expected, "bash", "-eu", "-c", script)
	default:
		t.Errorf("%s: a block of language %q: say what it is, and write show behind it where it is not to be run", at, b.language)
	}
}

// compiled builds a program as a part of this module, and returns the binary.
func (r reader) compiled(t *testing.T, at, text string, line int) string {
	t.Helper()
	source := filepath.Join(r.folder, fmt.Sprintf("block%d.go", line))
	binary := filepath.Join(r.folder, fmt.Sprintf("block%d", line))
	require.NoError(t, os.WriteFile(source, []byte(text), 0o600))
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", binary, source)
	cmd.Dir = root
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s: %s", at, out)
	return binary
}

// console splits a session into the commands, which begin with "$ ", and what they print. What runs in the background
// is stopped at the end.
func console(text string) (script string, expected *string) {
	var run, out strings.Builder
	run.WriteString("trap 'jobs -p | xargs -r kill; wait' EXIT\n")
	for line := range strings.Lines(text) {
		if command, ok := strings.CutPrefix(line, "$ "); ok {
			run.WriteString(command)
		} else {
			out.WriteString(line)
		}
	}
	lines := out.String()
	return run.String(), &lines
}

// outputComment is how a Go or Python program says what it prints, as Go's examples do.
var outputComment = regexp.MustCompile(`(?ms)(?://|#) Output:(.*)\z`)

// want is what a block prints; nil where nothing is said about it.
func want(text string, output *block) *string {
	if output != nil {
		return &output.text
	}
	m := outputComment.FindStringSubmatch(text)
	if m == nil {
		return nil
	}
	var lines strings.Builder
	for i, line := range strings.Split(m[1], "\n") {
		comment := strings.TrimSpace(line)
		if i > 0 {
			var ok bool
			if comment, ok = strings.CutPrefix(strings.TrimPrefix(comment, "//"), " "); !ok {
				break
			}
		}
		if comment != "" {
			lines.WriteString(comment + "\n")
		}
	}
	text = lines.String()
	return &text
}

// runs runs a command in the document's folder, and compares what it prints, if that is known. Lines may come in any
// order, as several processes write them.
func (r reader) runs(t *testing.T, at string, expected *string, name string, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = r.folder
	cmd.Env = append(os.Environ(), "PATH="+commands+string(os.PathListSeparator)+os.Getenv("PATH"))
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s: %s", at, out)
	if expected != nil {
		assertLines(t, at, *expected, string(out))
	}
}

// assertLines compares lines in any order. "…" in an expected line stands for any text, and a line of it alone for any lines.
func assertLines(t *testing.T, at, expected, got string) {
	t.Helper()
	left := strings.Split(strings.TrimSpace(got), "\n")
	more := false
	for want := range strings.Lines(expected) {
		want = strings.TrimRight(want, "\n")
		if want == "…" {
			more = true
			continue
		}
		pattern := regexp.MustCompile("^" + strings.ReplaceAll(regexp.QuoteMeta(want), "…", ".*") + "$")
		i := slices.IndexFunc(left, pattern.MatchString)
		if !assert.GreaterOrEqual(t, i, 0, "%s: %q is not in\n%s", at, want, got) {
			return
		}
		left = slices.Delete(left, i, i+1)
	}
	stopped := func(line string) bool {
		return line == "" || strings.HasPrefix(line, "gopyrpc: ") && strings.Contains(line, "SIGTERM")
	}
	if left = slices.DeleteFunc(left, stopped); !more {
		assert.Empty(t, left, "%s: more than the document says", at)
	}
}

// freePort is a port of 127.0.0.1 that nobody else is given before the test ends (see [launch.KeepPort]).
func freePort(t *testing.T) string {
	t.Helper()
	socket, port, err := launch.KeepPort()
	require.NoError(t, err)
	t.Cleanup(func() { _ = syscall.Close(socket) })
	return strconv.Itoa(port)
}

func TestWant(t *testing.T) {
	for text, wanted := range map[string]string{
		"f() // Output: 3\n}\n":                  "3\n",
		"f()\n\t// Output:\n\t// 1\n\t// 2\n}\n": "1\n2\n",
		"f()  # Output: 4\n":                     "4\n",
	} {
		got := want(text, nil)
		require.NotNil(t, got, text)
		assert.Equal(t, wanted, *got, text)
	}
	assert.Nil(t, want("f()\n", nil))
	assert.Equal(t, "x\n", *want("f() // Output: 3\n", &block{text: "x\n"}))
}
