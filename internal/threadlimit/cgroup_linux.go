package threadlimit

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// controlGroups is the tightest pids.max among the process's own control group and those above it, as far up as the
// mount shows.
func controlGroups() (Bound, bool) {
	return groupsBound("/proc/self/mountinfo", "/proc/self/cgroup")
}

func groupsBound(mountinfo, cgroup string) (Bound, bool) {
	tightest, found := Bound{}, false
	for _, dir := range groupFolders(mountinfo, cgroup) {
		limit, ok := readNumber(filepath.Join(dir, "pids.max"))
		if !ok {
			continue
		}
		used, ok := readNumber(filepath.Join(dir, "pids.current"))
		if room := left(limit, int(used)); ok && (!found || room < tightest.Room) {
			tightest, found = Bound{
				Room:  room,
				Limit: fmt.Sprintf("%s is %d, and %d are in use", filepath.Join(dir, "pids.max"), limit, used),
				Raise: "raise it with --pids-limit of docker, podPidsLimit of the kubelet, or TasksMax= of systemd",
			}, true
		}
	}
	return tightest, found
}

// groupFolders are the folders of the groups that the pids controller counts this process in.
func groupFolders(mountinfo, cgroup string) []string {
	mounts, err := os.ReadFile(mountinfo)
	if err != nil {
		return nil
	}
	groups, err := os.ReadFile(cgroup)
	if err != nil {
		return nil
	}
	var folders []string
	for line := range strings.Lines(string(mounts)) {
		m, ok := parseMount(line)
		if !ok {
			continue
		}
		if path, ok := groupOf(string(groups), m.version2); ok {
			folders = append(folders, m.upwards(path)...)
		}
	}
	return folders
}

// groupMount is where a hierarchy with a pids controller can be seen.
type groupMount struct {
	root, point string // the group at the mount point, and that
	version2    bool
}

// parseMount reads a line of mountinfo: "31 23 0:28 ROOT POINT options … - TYPE source superoptions".
func parseMount(line string) (groupMount, bool) {
	before, after, ok := strings.Cut(line, " - ")
	head, tail := strings.Fields(before), strings.Fields(after)
	if !ok || len(head) < 5 || len(tail) < 3 {
		return groupMount{}, false
	}
	m := groupMount{root: head[3], point: head[4], version2: tail[0] == "cgroup2"}
	return m, m.version2 || tail[0] == "cgroup" && slices.Contains(strings.Split(tail[2], ","), "pids")
}

// groupOf is the process's group: that of the line "0::PATH" in version 2, of "N:…pids…:PATH" in version 1.
func groupOf(groups string, version2 bool) (string, bool) {
	for line := range strings.Lines(groups) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) != 3 {
			continue
		}
		if version2 && parts[0] == "0" || !version2 && slices.Contains(strings.Split(parts[1], ","), "pids") {
			return parts[2], true
		}
	}
	return "", false
}

// upwards gives the folder of a group, and those above it. A group that the mount does not show, as another namespace
// made it, is taken for the one at the mount point.
func (m groupMount) upwards(path string) []string {
	below, err := filepath.Rel(m.root, path)
	if err != nil || below == ".." || strings.HasPrefix(below, "../") {
		below = "."
	}
	folders := []string{m.point}
	dir := m.point
	for _, name := range strings.Split(below, "/") {
		if name != "." {
			dir = filepath.Join(dir, name)
			folders = append(folders, dir)
		}
	}
	return folders
}
