package pythontest

import (
	"context"
	"fmt"
	"runtime"

	"go.uber.org/goleak"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// spareThreads are those that neither run Go code nor hold a permit: the runtime's own, the owner's,
// some in system calls, and those of extension modules beyond one for each processor.
const spareThreads = 32

// leave joins and lists what is left behind.
func leave(rt *pybridge.Runtime, before goleak.Option) []string {
	ctx, cancel := context.WithTimeout(context.Background(), joinTime)
	defer cancel()
	var left []string
	add := func(format string, args ...any) { left = append(left, fmt.Sprintf(format, args...)) }

	report, err := rt.Join(ctx)
	if err != nil {
		add("join: %v\n%s", err, report)
	}
	if n := pybridge.Owned(); n != 0 && len(report.Leaked) == 0 {
		add("%d references: %v", n, pybridge.Leaks())
	}
	if err := goleak.Find(before); err != nil {
		add("goroutines: %v", err)
	}
	stats := gil.Stats()
	if stats.Inside+stats.Suspended+stats.Abandoned+stats.Queue > 0 {
		add("permits: %d inside, %d suspended, %d abandoned, %d waiting", stats.Inside, stats.Suspended, stats.Abandoned, stats.Queue)
	}
	if bound := stats.Permits + 2*runtime.NumCPU() + spareThreads; stats.OSThreads > bound {
		add("%d OS threads, expected at most %d", stats.OSThreads, bound)
	}
	return left
}
