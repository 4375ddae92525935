// Package procmem tells how much memory this process has.
package procmem

import (
	"fmt"
	"os"
)

// Size is memory in bytes.
type Size struct {
	Virtual  int // address space, which RLIMIT_AS bounds
	Resident int // what is in RAM
}

// Read looks at the process. It needs Linux's /proc.
func Read() (Size, error) {
	const file = "/proc/self/statm"
	text, err := os.ReadFile(file)
	if err != nil {
		return Size{}, err
	}
	var virtual, resident int // in pages
	if _, err := fmt.Sscan(string(text), &virtual, &resident); err != nil {
		return Size{}, fmt.Errorf("%s: %w", file, err)
	}
	page := os.Getpagesize()
	return Size{Virtual: virtual * page, Resident: resident * page}, nil
}
