package interrupt

import "sync"

// function names a Python function.
type function struct{ file, name string }

// masked has the functions that were named to [Mask].
var masked sync.Map // of function to struct{}

// Mask names Python functions, by the file that their code says it is of, that others depend on: an interruption
// that is due while one runs, or what it calls, waits until it has ended, for two seconds at most.
func Mask(file string, functions ...string) {
	for _, f := range functions {
		masked.Store(function{file, f}, struct{}{})
	}
}

// Masked calls f for each function that was named to [Mask].
func Masked(f func(file, name string)) {
	masked.Range(func(key, _ any) bool {
		fn := key.(function)
		f(fn.file, fn.name)
		return true
	})
}
