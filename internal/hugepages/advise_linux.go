// Package hugepages makes the first writing of large memory cheap.
package hugepages

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// From is the least size that is worth it, in bytes.
const From = 4 << 20

// Advise asks the kernel for huge pages where b is (madvise, MADV_HUGEPAGE). Memory that is made of small
// ones costs a page fault for every 4 KiB, which takes longer than copying them. It is a hint: small memory,
// a kernel without such pages and one told to use none change nothing.
func Advise(b []byte) {
	if len(b) < From {
		return
	}
	page := uintptr(os.Getpagesize())
	start := uintptr(unsafe.Pointer(unsafe.SliceData(b)))
	skip := (page - start%page) % page
	whole := (uintptr(len(b)) - skip) / page * page
	_ = unix.Madvise(b[skip:skip+whole], unix.MADV_HUGEPAGE)
}
