package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const two = facts + "\tgil\tpair\n" +
	"3.9\tpyenv\t3.9.18\t-\t-\t2.36\tok\tok\n" +
	"3.15\tDebian sid\t3.15.2\t-\t2.4.6\t2.43\tok\tskip\n"

func rowsOf(t *testing.T, text string) []row {
	t.Helper()
	path := filepath.Join(t.TempDir(), "table.tsv")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	rows, err := readRows(path)
	require.NoError(t, err)
	return rows
}

func TestRowsAreReplacedAndOrdered(t *testing.T) {
	rows := merged(rowsOf(t, two), rowsOf(t, facts+"\tgil\n3.15\tDebian sid\t3.15.3\t2.15\t-\t2.44\tok\n3.10\tpyenv\t3.10.1\t-\t-\t2.36\tok\n"))
	require.Len(t, rows, 3)
	assert.Equal(t, []string{"3.9.18", "3.10.1", "3.15.3"}, []string{rows[0].python, rows[1].python, rows[2].python})
	assert.Equal(t, rows, rowsOf(t, format(rows)), "what is written is read again")
}

func TestPromisesAreKept(t *testing.T) {
	var out strings.Builder
	rows := rowsOf(t, two)
	require.NoError(t, keptBy(rows, rows, &out))
	require.NoError(t, keptBy(rows, rowsOf(t, facts+"\tgil\n3.9\tpyenv\t3.9.20\t-\t-\t2.36\tok\n"), &out), "pair was not run")
	assert.Empty(t, out.String())
	require.ErrorContains(t, keptBy(rows, rowsOf(t, strings.Replace(two, "ok\tok", "ok\tskip", 1)), &out), `3.9 of pyenv: pair was "skip" here`)
	require.NoError(t, keptBy(rows[:1], rows, &out))
	assert.Contains(t, out.String(), "3.15 of Debian sid ran and has no row")
}

func TestTableStandsBetweenItsMarks(t *testing.T) {
	text, err := withTable("a\n"+begin+"old\n"+end+"b\n", rowsOf(t, two))
	require.NoError(t, err)
	assert.Contains(t, text, "| 3.15.2 | Debian sid | – | 2.4.6 | 2.43 | gil |\n"+end+"b\n")
	assert.NotContains(t, text, "old")
	_, err = withTable("a\n", nil)
	assert.Error(t, err)
}

func TestReadRowsRefuses(t *testing.T) {
	for name, text := range map[string]string{"header": "x\n", "fields": facts + "\tgil\n3.9\tpyenv\n"} {
		path := filepath.Join(t.TempDir(), name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		_, err := readRows(path)
		assert.Error(t, err, name)
	}
}
