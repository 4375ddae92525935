package main

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// shmFolder is where Linux has shared memory.
const shmFolder = "/dev/shm"

// examineFiles looks at the limit of open files, and at the file system for shared memory.
func (d *diagnosis) examineFiles() {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err == nil {
		d.System.OpenFiles = openFiles{Soft: limit.Cur, Hard: limit.Max}
		if limit.Cur < fewFiles {
			d.problem(fmt.Sprintf("only %d files and connections may be open", limit.Cur), "raise the limit (ulimit -n; LimitNOFILE= of systemd)")
		}
	}
	var fs unix.Statfs_t
	if err := unix.Statfs(shmFolder, &fs); err != nil || unix.Access(shmFolder, unix.W_OK) != nil {
		d.problem("no shared memory: "+shmFolder+" is not there, or not writable, and multiprocessing needs it", "mount a tmpfs there (docker run --shm-size)")
		return
	}
	block := uint64(fs.Bsize)
	d.System.Shared = &shared{Folder: shmFolder, Size: fs.Blocks * block, Free: fs.Bavail * block}
}
