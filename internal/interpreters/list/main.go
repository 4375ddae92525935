// Command list prints the interpreters that tests can run with, one a line: version, executable and library,
// separated by tabs. `make matrix` reads it. It exits 1 if there is none.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/gopyrpc/gopyrpc/internal/interpreters"
)

func main() {
	all := interpreters.All(context.Background())
	for _, python := range all {
		fmt.Printf("%s\t%s\t%s\n", python.Version(), python.Executable, python.Library)
	}
	if len(all) == 0 {
		fmt.Fprintln(os.Stderr, "list: no usable python found; install one (`apt install python3 libpython3-dev`) or name one in GOPYRPC_TEST_PYTHONS")
		os.Exit(1)
	}
}
