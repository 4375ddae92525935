// Checkrules fails when the source tree breaks one of the project's own rules: which package
// may import which, where C and locked threads may be, what never to call, how long a file may be,
// what a doc comment must say. Each finding is a line "FILE:LINE: [RULE] what, and why".
//
// Checkrules runs in the module's root: go run ./scripts/checkrules. It reads every Go file, whatever the file's
// build tags are. So it parses the files itself instead of asking go list.
package main

import (
	"fmt"
	"io"
	"io/fs"
	"os"
)

func main() {
	os.Exit(run(os.DirFS("."), os.Stdout, os.Stderr))
}

func run(root fs.FS, out, errs io.Writer) int {
	t, err := load(root)
	if err != nil {
		fmt.Fprintln(errs, "checkrules:", err)
		return 2
	}
	found := check(t)
	for _, f := range found {
		fmt.Fprintln(out, f)
	}
	if len(found) > 0 {
		fmt.Fprintf(errs, "checkrules: %d findings in %d files\n", len(found), len(t.files))
		return 1
	}
	return 0
}
