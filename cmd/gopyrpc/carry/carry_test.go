package carry_test

import (
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/cmd/gopyrpc/carry"
)

func TestUnpackInto(t *testing.T) {
	root := filepath.Join(t.TempDir(), "a", "b")
	dir, err := carry.UnpackInto(root, []byte("library"), "digest\n")
	require.NoError(t, err)
	info, err := os.Stat(dir)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o700), info.Mode().Perm())
	for file, want := range map[string]string{"libgopyrpc.so": "library", "__init__.py": "__version__"} {
		data, err := os.ReadFile(filepath.Join(dir, "gopyrpc", file))
		require.NoError(t, err)
		assert.Contains(t, string(data), want)
	}
	left, err := os.ReadDir(root)
	require.NoError(t, err)
	assert.Len(t, left, 1, "nothing half-made stays")

	again, err := carry.UnpackInto(root, []byte("library"), "digest")
	require.NoError(t, err)
	assert.Equal(t, dir, again)
	other, err := carry.UnpackInto(root, []byte("another"), "another digest")
	require.NoError(t, err)
	assert.NotEqual(t, dir, other)
}

// TestUnpackInto_atOnce: commands that start together use one folder, and see it complete or not at all.
func TestUnpackInto_atOnce(t *testing.T) {
	root := t.TempDir()
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			dir, err := carry.UnpackInto(root, []byte("library"), "digest")
			if assert.NoError(t, err) {
				assert.FileExists(t, filepath.Join(dir, "gopyrpc", "libgopyrpc.so"))
			}
		})
	}
	all.Wait()
	left, err := os.ReadDir(root)
	require.NoError(t, err)
	assert.Len(t, left, 1)
}

// TestUnpackInto_ofOthers: what somebody else may write is not run.
func TestUnpackInto_ofOthers(t *testing.T) {
	open := t.TempDir()
	require.NoError(t, os.Chmod(open, 0o777))
	_, err := carry.UnpackInto(open, []byte("library"), "digest")
	assert.ErrorContains(t, err, "others may write there")

	root := t.TempDir()
	dir, err := carry.UnpackInto(root, []byte("library"), "digest")
	require.NoError(t, err)
	require.NoError(t, os.Chmod(dir, 0o770))
	_, err = carry.UnpackInto(root, []byte("library"), "digest")
	assert.ErrorContains(t, err, "others may write there")

	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err = carry.UnpackInto(file, []byte("library"), "digest")
	assert.Error(t, err)
	require.NoError(t, os.Symlink(root, file+"-link"))
	_, err = carry.UnpackInto(file+"-link", []byte("library"), "digest")
	assert.ErrorContains(t, err, "is no folder")
}

func TestFolder_ofNone(t *testing.T) {
	if carry.Is() {
		t.Skip("this test was built with the library")
	}
	_, err := carry.Folder()
	assert.ErrorIs(t, err, carry.ErrNone)
}
