package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// endLeft ends the processes that are left of a process group, and says which they were. Processes that end because their parent
// has ended, such as multiprocessing's resource tracker, have 10 s: on a busy machine Python takes some seconds to end. Processes
// that have ended and that no process has waited for do not count: the system's first process has to wait for them.
func endLeft(group int) []string {
	var left []string
	for range 200 {
		if left = running(group); len(left) == 0 {
			return nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	_ = syscall.Kill(-group, syscall.SIGKILL)
	return left
}

// running says which processes of a group have not ended.
func running(group int) (found []string) {
	if syscall.Kill(-group, 0) != nil {
		return nil // the usual case, without a look at every process of the system
	}
	files, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // the process has ended meanwhile
		}
		// pid (command) state ppid pgrp …; the command may contain any character.
		before, after, _ := strings.Cut(string(text), " (")
		i := strings.LastIndexByte(after, ')')
		if i < 0 {
			continue
		}
		var state string
		var parent, of int
		if _, err := fmt.Sscan(after[i+1:], &state, &parent, &of); err == nil && of == group && state != "Z" && state != "X" {
			found = append(found, fmt.Sprintf("%s (pid %s, %s)", after[:i], before, state))
		}
	}
	return found
}
