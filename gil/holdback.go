package gil

import "sync"

// code names a Python function.
type code struct{ file, function string }

// heldBack has what was named to [HoldBack].
var heldBack sync.Map // of code to struct{}

// HoldBack names Python functions, by the file that their code says it is of, that others depend on: an interruption
// that is due while one runs, or what it calls, waits until it has ended, for two seconds at most.
//
// GIL: not needed
// Thread: any
// Ref: none
// Blocks: no
func HoldBack(file string, functions ...string) {
	for _, f := range functions {
		heldBack.Store(code{file, f}, struct{}{})
	}
}

// HeldBack calls f for each function that was named to [HoldBack].
//
// GIL: not needed
// Thread: any
// Ref: none
// Blocks: no
func HeldBack(f func(file, function string)) {
	heldBack.Range(func(key, _ any) bool {
		c := key.(code)
		f(c.file, c.function)
		return true
	})
}
