package pythontest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/gopyrpc/gopyrpc/internal/cpython/discover"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// joinTime is for the join after the last test; every step of it has a shorter deadline of its own.
const joinTime = time.Minute

// Main starts Python, runs the tests, joins, and ends the process. Passing tests still fail when
// something is left behind: references, goroutines, more OS threads than the permits explain, a
// cleanup step that failed. What is left is printed.
//
// Python is the one that gopyrpc would choose (GOPYRPC_PYTHON first) unless an option says otherwise.
// Where there is none, the tests are skipped with a message, except in CI (CI=true) and where
// GOPYRPC_PYTHON names one: then somebody counted on it.
func Main(m *testing.M, opts ...pybridge.Option) {
	if name := os.Getenv(scriptVariable); name != "" {
		os.Exit(runScript(name))
	}
	os.Exit(run(m, opts))
}

func run(m *testing.M, opts []pybridge.Option) int {
	before := goleak.IgnoreCurrent()
	rt, err := pybridge.Start(context.Background(), opts...)
	if err != nil {
		return notStarted(err)
	}
	shared = rt
	fmt.Fprintf(os.Stderr, "pythontest: %s\n", describe(rt))
	code := m.Run()
	if left := leave(rt, before); len(left) > 0 {
		for _, what := range left {
			fmt.Fprintf(os.Stderr, "pythontest: left behind: %s\n", what)
		}
		code = max(code, 1)
	}
	return code
}

func notStarted(err error) int {
	var missing *discover.Error
	if errors.As(err, &missing) && os.Getenv("CI") != "true" && os.Getenv("GOPYRPC_PYTHON") == "" {
		fmt.Fprintf(os.Stderr, "pythontest: ALL TESTS SKIPPED, no python to test with: %v\n", err)
		return 0
	}
	fmt.Fprintf(os.Stderr, "pythontest: python did not start: %v\n", err)
	return 1
}

func describe(rt *pybridge.Runtime) string {
	executable, library, source := rt.Interpreter()
	return fmt.Sprintf("CPython %s, %s (%s), %s", rt.Version(), executable, source, library)
}
