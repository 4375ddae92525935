//go:build !pydebug

package pybridge

func creationStack() string { return "" }
