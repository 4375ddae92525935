//go:build pydebug

package pybridge

import "runtime/debug"

func creationStack() string { return string(debug.Stack()) }
