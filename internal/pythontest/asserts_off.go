//go:build !pydebug

package pythontest

const asserts = false
