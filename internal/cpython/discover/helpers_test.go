package discover_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/internal/cpython/discover"
)

// env is an environment made of nothing but the given variables.
func env(vars map[string]string) func(string) string {
	return func(name string) string { return vars[name] }
}

// find runs Find with Python named as the option, in an otherwise empty environment.
func find(t *testing.T, exe string) (discover.Interpreter, error) {
	t.Helper()
	return discover.Find(t.Context(), discover.Options{Python: exe, Getenv: env(nil)})
}

// write makes a file and the directories above it.
func write(t *testing.T, path, text string, mode os.FileMode) string {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(text), mode))
	return path
}

// script makes an executable shell script.
func script(t *testing.T, path, body string) string {
	t.Helper()
	return write(t, path, "#!/bin/sh\n"+body+"\n", 0o755)
}

// answering makes a script that answers like an interpreter with these properties.
func answering(t *testing.T, properties map[string]any) string {
	t.Helper()
	dir := t.TempDir()
	all := map[string]any{"implementation": "cpython", "major": 3, "minor": 11, "base_prefix": dir}
	for k, v := range properties {
		all[k] = v
	}
	text, err := json.Marshal(all)
	require.NoError(t, err)
	return script(t, filepath.Join(dir, "bin", "python3"), "cat <<'END'\n"+string(text)+"\nEND")
}

// compile builds a C source with gcc, or skips the test where there is none.
func compile(t *testing.T, out, source string, args ...string) string {
	t.Helper()
	gcc, err := exec.LookPath("gcc")
	if err != nil {
		t.Skip("no gcc to build a small ELF file with (`apt install gcc`)")
	}
	src := write(t, filepath.Join(t.TempDir(), "source.c"), source, 0o644)
	require.NoError(t, os.MkdirAll(filepath.Dir(out), 0o755))
	said, err := exec.Command(gcc, append([]string{"-o", out, src}, args...)...).CombinedOutput()
	require.NoError(t, err, "%s", said)
	return out
}

// library builds a shared object that exports the start functions of CPython and has the given soname.
func library(t *testing.T, path, soname string) string {
	t.Helper()
	return compile(t, path, "void Py_InitializeFromConfig(void) {}\nvoid Py_InitializeFromInitConfig(void) {}\n",
		"-shared", "-fPIC", "-Wl,-soname,"+soname)
}

// otherMachine rewrites the ELF header of a file so that it is for a processor nobody has.
func otherMachine(t *testing.T, path string) {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	const machineAt, alpha = 18, 41 // e_machine; EM_ALPHA_STD
	text[machineAt], text[machineAt+1] = alpha, 0
	require.NoError(t, os.WriteFile(path, text, 0o755))
}
