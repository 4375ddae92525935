package pythontest

import "fmt"

// Misuse calls f, which is to be told that it must not be called like this, and gives what it was
// told. In builds with the tag pydebug that must be an assertion that fails, in others an error.
func Misuse(f func() error) (err error) {
	defer func() {
		switch v := recover().(type) {
		case nil:
			if asserts {
				err = fmt.Errorf("no assertion failed, with the tag pydebug (the error, if any: %v)", err)
			}
		case error:
			err = v
		default:
			panic(v) // panics: with what it found
		}
	}()
	return f()
}
