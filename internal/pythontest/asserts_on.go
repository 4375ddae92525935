//go:build pydebug

package pythontest

// asserts says whether misuse of tokens ends in a panic.
const asserts = true
