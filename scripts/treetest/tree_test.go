// Package treetest tests scripts/tree.sh, with a substitute for debootstrap that makes no Debian system.
package treetest

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// tree runs scripts/tree.sh with trees in a folder, and with a debootstrap that is a script.
func tree(t *testing.T, trees, debootstrap string, args ...string) (said string, status int) {
	t.Helper()
	bin := t.TempDir()
	if debootstrap != "" {
		require.NoError(t, os.WriteFile(filepath.Join(bin, "debootstrap"), []byte("#!/bin/sh\n"+debootstrap+"\n"), 0o700))
	}
	cmd := exec.Command("../tree.sh", args...)
	cmd.Env = append(os.Environ(), "GOPYRPC_TREES="+trees, "PATH="+bin+":"+os.Getenv("PATH"))
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		require.NoError(t, err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// needMounts skips where trees cannot be made at all.
func needMounts(t *testing.T) {
	t.Helper()
	if os.Getuid() != 0 || exec.Command("unshare", "--mount", "true").Run() != nil {
		t.Skip("this user may not mount in a namespace of its own (unshare -m)")
	}
}

// TestHalfATreeIsNone: what a debootstrap that failed or was killed has left is no tree.
func TestHalfATreeIsNone(t *testing.T) {
	needMounts(t)
	trees := t.TempDir()
	said, status := tree(t, trees, `for dir; do :; done; mkdir -p "$dir/bin"; echo "E: something is wrong"; exit 1`, "make", "sid")
	assert.Equal(t, 1, status, said)
	assert.Contains(t, said, "something is wrong")
	assert.NoDirExists(t, filepath.Join(trees, "sid"))

	require.NoError(t, os.MkdirAll(filepath.Join(trees, "sid", "bin"), 0o755)) // without its stamp
	said, status = tree(t, trees, "exit 1", "run", "sid", "true")
	assert.Equal(t, 1, status)
	assert.Contains(t, said, "sid is not made")
}

// TestMirrorThatDoesNotAnswer has an exit status of its own.
func TestMirrorThatDoesNotAnswer(t *testing.T) {
	needMounts(t)
	said, status := tree(t, t.TempDir(), `echo "E: Failed getting release file http://mirror/dists/sid/Release"; exit 1`, "make", "sid")
	assert.Equal(t, 4, status, said)
	assert.Contains(t, said, "Debian's mirror did not give all that was asked for")
}

func TestTreesWithoutAName(t *testing.T) {
	for _, name := range []string{"", "../sid", "sid/x", "-x"} {
		said, status := tree(t, t.TempDir(), "exit 1", "make", name)
		assert.Equal(t, 2, status, said)
	}
}

func TestRemove(t *testing.T) {
	trees := filepath.Join(t.TempDir(), "trees")
	require.NoError(t, os.MkdirAll(filepath.Join(trees, "sid", "bin"), 0o755))
	require.NoError(t, os.MkdirAll(filepath.Join(trees, ".part-trixie", "bin"), 0o755))
	said, status := tree(t, trees, "", "remove")
	assert.Equal(t, 0, status, said)
	assert.NoDirExists(t, trees)
}

// TestRemoveDoesNotReachThroughMounts: the mount is made in a namespace, where the removal then runs.
func TestRemoveDoesNotReachThroughMounts(t *testing.T) {
	needMounts(t)
	trees, precious := t.TempDir(), t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(precious, "file"), nil, 0o600))
	point := filepath.Join(trees, "sid", "mnt with blank")
	require.NoError(t, os.MkdirAll(point, 0o755))
	cmd := exec.Command("unshare", "--mount", "--propagation", "private", "sh", "-c",
		`mount --bind "$1" "$2" && exec ../tree.sh remove`, "sh", precious, point)
	cmd.Env = append(os.Environ(), "GOPYRPC_TREES="+trees)
	said, err := cmd.CombinedOutput()
	require.Error(t, err)
	assert.Contains(t, string(said), "is not removed while something is mounted in it: "+point)
	assert.FileExists(t, filepath.Join(precious, "file"))
}
