//go:build pydebug

package pytest

// asserts says whether misuse of tokens ends in a panic.
const asserts = true
