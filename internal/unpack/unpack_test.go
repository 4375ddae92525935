package unpack_test

import (
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/internal/unpack"
)

// into unpacks a file system of one file, and a large file with a digest.
func into(root, data, digest string) (string, error) {
	files := fstest.MapFS{"package/__init__.py": {Data: []byte("first")}}
	return unpack.Into(root, "1.0", files, unpack.File{Path: "package/large", Data: []byte(data), Digest: digest})
}

func TestInto(t *testing.T) {
	root := filepath.Join(t.TempDir(), "a", "b")
	dir, err := into(root, "library", "digest")
	require.NoError(t, err)
	info, err := os.Stat(dir)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o700), info.Mode().Perm())
	for file, want := range map[string]string{"large": "library", "__init__.py": "first"} {
		data, err := os.ReadFile(filepath.Join(dir, "package", file))
		require.NoError(t, err)
		assert.Equal(t, want, string(data))
	}
	left, err := os.ReadDir(root)
	require.NoError(t, err)
	assert.Len(t, left, 1, "nothing half-made stays")

	again, err := into(root, "library", "digest")
	require.NoError(t, err)
	assert.Equal(t, dir, again)
	other, err := into(root, "another", "another digest")
	require.NoError(t, err)
	assert.NotEqual(t, dir, other)
}

// TestInto_atOnce: commands that start together use one folder, and see it complete or not at all.
func TestInto_atOnce(t *testing.T) {
	root := t.TempDir()
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			dir, err := into(root, "library", "digest")
			if assert.NoError(t, err) {
				assert.FileExists(t, filepath.Join(dir, "package", "large"))
			}
		})
	}
	all.Wait()
	left, err := os.ReadDir(root)
	require.NoError(t, err)
	assert.Len(t, left, 1)
}

// TestInto_ofOthers: what somebody else may write is not run.
func TestInto_ofOthers(t *testing.T) {
	open := t.TempDir()
	require.NoError(t, os.Chmod(open, 0o777))
	_, err := into(open, "library", "digest")
	assert.ErrorContains(t, err, "others may write in")

	root := t.TempDir()
	dir, err := into(root, "library", "digest")
	require.NoError(t, err)
	require.NoError(t, os.Chmod(dir, 0o770))
	_, err = into(root, "library", "digest")
	assert.ErrorContains(t, err, "others may write in")

	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err = into(file, "library", "digest")
	assert.Error(t, err)
	require.NoError(t, os.Symlink(root, file+"-link"))
	_, err = into(file+"-link", "library", "digest")
	assert.ErrorContains(t, err, "is no folder")
}

// TestInto_whereNobodyMayWrite: the kernel lets nobody make a folder in /sys, not even root.
func TestInto_whereNobodyMayWrite(t *testing.T) {
	_, err := into("/sys/gopyrpc", "library", "digest")
	assert.ErrorContains(t, err, "version 1.0 cannot be unpacked into /sys/gopyrpc: ")
	assert.ErrorContains(t, err, ": set XDG_CACHE_HOME to a folder of your own")
}
