//go:build !pydebug

package pytest

const asserts = false
