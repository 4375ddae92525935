package pythontest

import (
	"runtime"
	"testing"
	"time"
)

// patience is how long [Until] waits before it calls a test failed; no test passes or fails by less.
const patience = time.Minute

// Until returns when the condition holds, for what has no event to wait for. The test fails when it
// never does.
func Until(t testing.TB, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !condition(); runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
	}
}
