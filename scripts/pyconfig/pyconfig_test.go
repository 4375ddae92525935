package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCommittedTableAgreesWithTheHeadersHere(t *testing.T) {
	requireCompiler(t)
	var out bytes.Buffer
	err := run(t.Context(), options{check: true}, &out)
	t.Log(out.String()) // says which rows could not be checked
	require.NoError(t, err)
}

func TestCommittedTableIsComplete(t *testing.T) {
	path, err := options{}.tableFile()
	require.NoError(t, err)
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	table, err := parse(string(text))
	require.NoError(t, err)
	assert.Equal(t, []int{9, 10, 11, 12, 13}, table.minors())
	assert.Equal(t, format(table), string(text), "run `go run ./scripts/pyconfig`")
}

func TestUpdateKeepsRowsItCannotMeasure(t *testing.T) {
	requireCompiler(t)
	path := filepath.Join(t.TempDir(), "table.h")
	unmeasurable := row{1, 2, 3, 4, 5, 6, 7, 8}
	require.NoError(t, os.WriteFile(path, []byte(format(rows{7: unmeasurable})), 0o644))
	require.NoError(t, run(t.Context(), options{table: path}, &bytes.Buffer{}))
	table, err := readTable(path)
	require.NoError(t, err)
	assert.Equal(t, unmeasurable, table[7])
}

func TestCheckFailsOnADifference(t *testing.T) {
	measured := rows{11: {1}, 12: {2}}
	err := compare("table.h", rows{11: {9}}, measured, &bytes.Buffer{})
	require.Error(t, err)
	assert.ErrorContains(t, err, "wrong for python 3.11")
	assert.ErrorContains(t, err, "no row for python 3.12")
	assert.NoError(t, compare("table.h", measured, measured, &bytes.Buffer{}))
}

func TestIncludeDirectoryWithoutHeadersIsAnError(t *testing.T) {
	requireCompiler(t)
	dir := t.TempDir()
	err := run(t.Context(), options{check: true, include: []string{dir}}, &bytes.Buffer{})
	assert.ErrorContains(t, err, dir)
}

func requireCompiler(t *testing.T) {
	t.Helper()
	cc := os.Getenv("CC")
	if cc == "" {
		cc = "gcc"
	}
	if _, err := exec.LookPath(cc); err != nil {
		t.Skipf("no C compiler to measure with (`apt install gcc`): %v", err)
	}
}
