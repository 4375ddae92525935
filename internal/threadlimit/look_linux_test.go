package threadlimit

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// limitVariable has the test's own process say what it sees under limits.
const limitVariable = "THREADLIMIT_TEST"

func TestMain(m *testing.M) {
	switch what := os.Getenv(limitVariable); what {
	case "":
		os.Exit(m.Run())
	case "nproc", "as":
		resource, limit := unix.RLIMIT_NPROC, uint64(50)
		if what == "as" {
			resource, limit = unix.RLIMIT_AS, 8<<30
		}
		if err := unix.Setrlimit(resource, &unix.Rlimit{Cur: limit, Max: limit}); err != nil {
			panic(err)
		}
		b := Look()
		fmt.Printf("%d %s\n", b.Room, b.Limit)
	default:
		panic(what)
	}
}

// under is what a process of its own, of user uid, sees.
func under(t *testing.T, what string, uid uint32) (room int, limit string) {
	t.Helper()
	self := filepath.Join(t.TempDir(), "test")
	binary, err := os.ReadFile(os.Args[0])
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(self, binary, 0o755))
	for dir := filepath.Dir(self); dir != "/" && dir != os.TempDir(); dir = filepath.Dir(dir) {
		require.NoError(t, os.Chmod(dir, 0o755))
	}
	cmd := exec.Command(self)
	cmd.Dir = "/"
	cmd.Env = append(os.Environ(), limitVariable+"="+what)
	if os.Getuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
	}
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	require.NoError(t, err)
	first, limit, _ := strings.Cut(strings.TrimSpace(string(out)), " ")
	room, err = strconv.Atoi(first)
	require.NoError(t, err)
	return room, limit
}

func TestLook_userProcesses(t *testing.T) {
	room, limit := under(t, "nproc", 54321)
	assert.Contains(t, limit, "RLIMIT_NPROC is 50, and user ")
	if os.Getuid() == 0 {
		assert.Greater(t, room, 20, "a user with one process")
		assert.Less(t, room, 50)
		_, limit = under(t, "nproc", 0)
		assert.NotContains(t, limit, "RLIMIT_NPROC", "root is exempt")
	}
}

func TestLook_addressSpace(t *testing.T) {
	room, limit := under(t, "as", 54322)
	assert.Contains(t, limit, "RLIMIT_AS is 8192 MiB")
	assert.Less(t, room, 8192/96)
}

func TestKernelThreads(t *testing.T) {
	b, ok := kernelThreads()
	require.True(t, ok)
	assert.Positive(t, b.Room)
	assert.Contains(t, b.Limit, "and the machine has ")
}

// groups makes files of /proc and a control group file system for a test.
func groups(t *testing.T, mounts, cgroup string, files map[string]string) (mountinfo, self string) {
	t.Helper()
	dir := t.TempDir()
	write := func(path, text string) string {
		path = filepath.Join(dir, path)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
		return path
	}
	for path, text := range files {
		write(path, text)
	}
	return write("mountinfo", strings.ReplaceAll(mounts, "DIR", dir)), write("cgroup", cgroup)
}

func TestControlGroups(t *testing.T) {
	const version2 = "30 20 0:26 / DIR/cg rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
	const version1 = "31 23 0:28 / DIR rw - tmpfs tmpfs rw\n39 31 0:36 / DIR/pids rw,relatime shared:9 - cgroup cgroup rw,pids\n" +
		"32 31 0:29 / DIR/cpu rw,relatime - cgroup cgroup rw,cpu\n"
	for _, c := range []struct {
		name, mounts, cgroup string
		files                map[string]string
		room                 int // -1 for no bound
		file                 string
	}{
		{"own group", version2, "0::/a\n", map[string]string{"cg/a/pids.max": "100\n", "cg/a/pids.current": "30\n"}, 70, "cg/a/pids.max"},
		{"a group above", version2, "0::/a/b\n", map[string]string{
			"cg/a/pids.max": "40\n", "cg/a/pids.current": "35\n", "cg/a/b/pids.max": "max\n", "cg/a/b/pids.current": "30\n"}, 5, "cg/a/pids.max"},
		{"no limit", version2, "0::/a\n", map[string]string{"cg/a/pids.max": "max\n", "cg/a/pids.current": "30\n"}, -1, ""},
		{"used up", version2, "0::/a\n", map[string]string{"cg/a/pids.max": "30\n", "cg/a/pids.current": "31\n"}, 0, "cg/a/pids.max"},
		{"version 1", version1, "9:name=systemd:/\n8:pids:/x\n1:cpu:/y\n0::/\n", map[string]string{
			"pids/x/pids.max": "20\n", "pids/x/pids.current": "9\n", "cpu/y/pids.max": "1\n", "cpu/y/pids.current": "1\n"}, 11, "pids/x/pids.max"},
		{"a container's, version 1", "39 31 0:36 /docker/abc DIR/pids rw - cgroup cgroup rw,pids\n", "8:pids:/docker/abc/in\n", map[string]string{
			"pids/pids.max": "50\n", "pids/pids.current": "9\n", "pids/in/pids.max": "max\n"}, 41, "pids/pids.max"},
		{"of another namespace", "30 20 0:26 / DIR/cg rw - cgroup2 cgroup2 rw\n", "0::/../..\n", map[string]string{
			"cg/pids.max": "50\n", "cg/pids.current": "9\n"}, 41, "cg/pids.max"},
		{"none", "", "", nil, -1, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			b, ok := groupsBound(groups(t, c.mounts, c.cgroup, c.files))
			require.Equal(t, c.room >= 0, ok)
			if ok {
				assert.Equal(t, c.room, b.Room)
				assert.Contains(t, b.Limit, c.file+" is ")
			}
		})
	}
}

func BenchmarkLook(b *testing.B) {
	for b.Loop() {
		Look()
	}
}
