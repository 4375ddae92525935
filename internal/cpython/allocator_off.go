//go:build !pydebug

package cpython

// allocator leaves the choice to CPython.
func allocator() int { return 0 }
