//go:build !linux

// Package hugepages makes the first writing of large memory cheap.
package hugepages

// From is the least size that is worth it, in bytes.
const From = 4 << 20

// Advise does nothing here.
func Advise([]byte) {}
