package discover

// Executable returns the interpreter to run as a program: the same that [Find] begins with. It need not have a library that
// can be loaded.
//
// The error is an *Error of one of this package's kinds.
func Executable(opt Options) (string, error) {
	exe, source, err := named(opt)
	if err != nil {
		return "", err
	}
	if err := checkExecutable(exe); err != nil {
		return "", withSource(err, source)
	}
	return exe, nil
}
