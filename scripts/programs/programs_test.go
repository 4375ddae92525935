package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

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

// TestASamplePrintsOnGopyrpcWhatWasRecordedOfTorch runs some of the programs; make programs runs all, beside torch's agents.
func TestASamplePrintsOnGopyrpcWhatWasRecordedOfTorch(t *testing.T) {
	interpreters.Find(t)
	opt, err := parse([]string{"-sides", "gopyrpc", "-package", buildtest.Package(t), "-run", "^(batch_updates|ddp|spawned)$"})
	require.NoError(t, err)
	r, err := newRunner(t.Context(), opt)
	if err != nil {
		t.Skip(err)
	}
	r.close()
	var out strings.Builder
	status, err := run(t.Context(), opt, &out)
	require.NoError(t, err)
	assert.Equal(t, 0, status, out.String())
	assert.Contains(t, out.String(), "programs: the same result: 3 of 3 on gopyrpc\n")
}

func TestTheTableCanFail(t *testing.T) {
	fine, other, failed := cell{printed: "1\n"}, cell{printed: "2\n"}, cell{printed: "1\n", failure: "exit status 1"}
	known := program{name: "known", lacks: "a reason"}
	for _, c := range []struct {
		program         program
		side            *side
		cell            cell
		verdict         string
		status, forgive int
	}{
		{program{}, onGopyrpc, fine, same, 0, 0},
		{program{}, onGopyrpc, other, differs, 1, 1},
		{program{}, asTorch, cell{}, differs, 1, 1},
		{program{}, onGopyrpc, failed, fails, 1, 1},
		{known, onGopyrpc, failed, lacking, 1, 0},
		{known, asTorch, fine, works, 1, 1},
		{known, onTorch, failed, fails, 1, 1},
		{known, onTorch, fine, same, 0, 0},
	} {
		c.cell.side = c.side
		r := row{c.program, []cell{c.cell}, "1\n"}
		assert.Equal(t, c.verdict, r.verdict(c.cell))
		for _, forgive := range []bool{false, true} {
			var out strings.Builder
			table := newTable(&out, []*side{c.side})
			table.print(r)
			want := map[bool]int{false: c.status, true: c.forgive}[forgive]
			assert.Equal(t, want, table.finish(forgive), out.String())
			assert.Contains(t, out.String(), c.verdict)
			if c.verdict == lacking {
				assert.Contains(t, out.String(), "a reason")
			}
		}
	}
	empty := row{program{}, []cell{{side: onGopyrpc}}, ""}
	assert.Equal(t, differs, empty.verdict(empty.cells[0]), "a program that prints nothing has no result")
}

// TestAProgramIsMovedByItsImportsAlone: nothing but import lines differs, and a program that import lines do not move is refused.
func TestAProgramIsMovedByItsImportsAlone(t *testing.T) {
	for _, p := range programs() {
		before, err := p.source()
		require.NoError(t, err)
		after, err := moved(before)
		require.NoError(t, err, p.name)
		lines := strings.Split(after, "\n")
		for i, line := range strings.Split(before, "\n") {
			if strings.HasPrefix(line, "import ") || strings.HasPrefix(line, "from ") {
				line = strings.Replace(line, torchRPC, "gopyrpc", 1)
			}
			assert.Equal(t, line, lines[i])
		}
	}
	_, err := moved("import torch\n")
	assert.ErrorContains(t, err, "no line that imports torch.distributed.rpc")
	_, err = moved("import torch.distributed.rpc as rpc\ntorch.distributed.rpc.shutdown()\n")
	assert.ErrorContains(t, err, "outside its imports")
}

func TestEveryProgramIsInTheTableAndHasARecordedResult(t *testing.T) {
	var names []string
	for _, p := range programs() {
		names = append(names, p.name)
		result, err := p.recorded()
		require.NoError(t, err)
		assert.NotEmpty(t, result, p.name)
		assert.Len(t, choose(regexp.MustCompile("^"+p.name+"$")), 1)
	}
	for pattern, ending := range map[string]string{"*.py": ".py", "testdata/*.txt": ".txt"} {
		files, err := filepath.Glob(pattern)
		require.NoError(t, err)
		var found []string
		for _, file := range files {
			found = append(found, strings.TrimSuffix(filepath.Base(file), ending))
		}
		assert.ElementsMatch(t, names, found)
	}
}

func TestASideSaysWhichFlagItNeeds(t *testing.T) {
	for args, want := range map[string]string{
		"-sides=gopyrpc":  "-package",
		"-sides=as-torch": "-gopyrpc",
		"-sides=other":    `"other"`,
		"else":            `"else"`,
	} {
		_, err := parse([]string{args})
		assert.ErrorContains(t, err, want)
	}
	_, err := parse([]string{"-list"})
	assert.NoError(t, err)
}
