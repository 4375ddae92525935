package main

import (
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/internal/buildtest"
	"github.com/gopyrpc/gopyrpc/internal/interpreters"
)

func TestMain(m *testing.M) {
	status := m.Run()
	buildtest.RemovePackage()
	os.Exit(status)
}

// TestTorchsOwnTests runs torch's tests on gopyrpc, and compares with the table: what passed passes, and what is known to
// differ does, so that the table says what is true. The tests of what gopyrpc does not promise are left out, as is TensorPipe,
// whose outcomes the table has: `make conformance` runs all.
func TestTorchsOwnTests(t *testing.T) { compare(t, buildtest.Package(t), core, private, torchscript) }

// TestTorchsOwnTestsOfFaults does so with the tests in which sending fails, and takes long.
func TestTorchsOwnTestsOfFaults(t *testing.T) { compare(t, "", faulty) }

func compare(t *testing.T, packages string, of ...string) {
	o := options{
		python: interpreters.Find(t).Executable, packages: packages, root: filepath.Join("..", ".."),
		pattern: regexp.MustCompile(""), kinds: of, groups: 2, limit: time.Minute,
		log: filepath.Join(t.TempDir(), "log"),
	}
	tests, err := o.prepare(t.Context())
	if err != nil {
		t.Skip(err)
	}
	known, err := readTable(tests.file())
	require.NoError(t, err)
	if !slices.ContainsFunc(tests.selected, func(name string) bool { return known.rows[name] != nil }) {
		t.Skipf("nothing is known of torch %s: make conformance CONFORMANCE=-write makes its table", tests.torch)
	}
	found, err := tests.runAll(t.Context(), gopyrpc, known)
	require.NoError(t, err)
	for _, name := range tests.selected {
		if want := known.outcome(gopyrpc, name); want != found[name].Outcome {
			t.Errorf("%s %s, and the table says %s: %s", name, found[name].Outcome, want, found[name].Text)
		}
	}
	if t.Failed() {
		text, _ := os.ReadFile(o.log)
		t.Logf("the end of what the processes printed:\n%s", text[max(0, len(text)-10000):])
	}
}

// TestTables: every difference has a reason, and nearly all of the core passes.
func TestTables(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("..", "..", "testdata", "conformance", "torch-*.tsv"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		table, err := readTable(file)
		require.NoError(t, err)
		total, ours := 0, 0
		for name, r := range table.rows {
			assert.Equal(t, kindOf(name), r.kind, name)
			if r.differs() && (r.kind == core || r.kind == private || r.kind == torchscript || r.kind == faulty) {
				assert.NotEmpty(t, r.reason, "%s: %s differs, and nothing says why", file, name)
			}
			if !r.differs() {
				assert.Empty(t, r.reason, "%s: %s", file, name)
			}
			if r.kind == core && r.outcomes[tensorpipe] == passed {
				total++
				if r.outcomes[gopyrpc] == passed {
					ours++
				}
			}
		}
		assert.GreaterOrEqual(t, ours, total-4, "of %d core tests in %s", total, file)
	}
}

func TestTableIsReadAsItWasWritten(t *testing.T) {
	file := filepath.Join(t.TempDir(), "folder", "torch.tsv")
	made := &table{rows: map[string]*row{}}
	made.add(gopyrpc, map[string]outcome{"A.test_x": {Outcome: failed, Text: "why\nand where"}, "A.test_shutdown_errors": {Outcome: passed}})
	made.add(tensorpipe, map[string]outcome{"A.test_x": {Outcome: passed}, "A.test_shutdown_errors": {Outcome: passed}})
	require.NoError(t, made.write(file))
	read, err := readTable(file)
	require.NoError(t, err)
	assert.True(t, read.rows["A.test_x"].differs())
	assert.Equal(t, private, read.rows["A.test_shutdown_errors"].kind)
	var out strings.Builder
	made.print(&out, []string{gopyrpc, tensorpipe}, made.names())
	assert.Equal(t, "core: of 1 tests 0 pass on gopyrpc, 1 pass on tensorpipe\nprivate: of 1 tests 1 pass on gopyrpc, 1 pass on tensorpipe\n"+
		"differs: A.test_x (core): (no reason is known) why\n", out.String())
	require.NoError(t, os.WriteFile(file, []byte("a\tb\n"), 0o600))
	_, err = readTable(file)
	assert.ErrorContains(t, err, "line 1 has 2 columns")
}

// TestFailuresAreSeen: a test that fails, one that does not end and a process that ends are failures, and the next test has a
// new group.
func TestFailuresAreSeen(t *testing.T) {
	o := options{python: interpreters.Find(t).Executable, root: filepath.Join("..", "..", "scripts", "conformance", "testdata")}
	ran := &tests{options: o, root: o.root}
	g, err := ran.startGroup(t.Context(), "stand-in", io.Discard)
	require.NoError(t, err)
	for _, c := range []struct {
		name, text string
		limit      time.Duration
	}{{"fails", "as it was told", time.Minute}, {"hangs", "has not ended it after 1s", time.Second}, {"ends", "ended: EOF", time.Minute}} {
		found, usable := g.run(c.name, c.limit)
		assert.Equal(t, failed, found.Outcome, c.name)
		assert.Contains(t, found.Text, c.text)
		assert.False(t, usable)
		g.end()
		g, err = ran.startGroup(t.Context(), "stand-in", io.Discard)
		require.NoError(t, err)
	}
	found, usable := g.run("passes", time.Minute)
	assert.Equal(t, outcome{Outcome: passed}, found)
	assert.True(t, usable)
	g.end()
}
