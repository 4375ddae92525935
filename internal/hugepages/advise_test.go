//go:build linux

package hugepages

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// flags are the kernel's notes on the mapping that an address is in.
func flags(t *testing.T, address uintptr) string {
	t.Helper()
	smaps, err := os.ReadFile("/proc/self/smaps")
	require.NoError(t, err)
	inside := false
	for line := range strings.Lines(string(smaps)) {
		var from, to uintptr
		if n, _ := fmt.Sscanf(line, "%x-%x ", &from, &to); n == 2 {
			inside = from <= address && address < to
		}
		if rest, ok := strings.CutPrefix(line, "VmFlags:"); ok && inside {
			return rest
		}
	}
	return ""
}

func TestAdvise(t *testing.T) {
	if _, err := os.Stat("/sys/kernel/mm/transparent_hugepage"); err != nil {
		t.Skip("a kernel without huge pages: ", err)
	}
	b, err := unix.Mmap(-1, 0, 4*From, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	require.NoError(t, err)
	defer func() { _ = unix.Munmap(b) }()
	address := uintptr(unsafe.Pointer(&b[len(b)/2]))
	Advise(nil)
	Advise(b[1 : From-1]) // too small
	assert.NotContains(t, flags(t, address), " hg ")
	Advise(b[1 : len(b)-1]) // begins and ends within a page
	assert.Contains(t, flags(t, address), " hg ")
}
