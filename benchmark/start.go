package main

import (
	"context"
	"fmt"
	"os/exec"
	"time"
)

// startVsPython compares whole processes: a Go program that starts Python and closes it, and Python.
func startVsPython(ctx context.Context, s *Setup) ([]float64, error) {
	return ratios(s.Rounds,
		func() (time.Duration, error) { return wall(ctx, s.Self, "--python", s.Python, "--start-only") },
		func() (time.Duration, error) { return wall(ctx, s.Python, "-c", "pass") })
}

func wall(ctx context.Context, name string, args ...string) (time.Duration, error) {
	start := time.Now()
	if out, err := exec.CommandContext(ctx, name, args...).CombinedOutput(); err != nil {
		return 0, fmt.Errorf("%s: %w: %s", name, err, out)
	}
	return time.Since(start), nil
}
