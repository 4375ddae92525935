package main

import (
	"context"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/cleanup"
	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// TestStoppedCommandReleases: the join of a command that is stopped counts what the command owns when the command has
// had the time to release it. It runs in a process of its own, as its Python ends.
func TestStoppedCommandReleases(t *testing.T) {
	const child = "GOPYRPC_TEST_STOPPED_COMMAND"
	if os.Getenv(child) == "" {
		exe := python(t).Executable
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
		cmd.Env = append(os.Environ(), child+"="+exe)
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
		return
	}
	ctx, stop := context.WithCancel(t.Context())
	cmd := &cobra.Command{}
	cmd.SetContext(ctx)
	c := &common{python: os.Getenv(child)}
	report, err := c.joined(cmd, func(ctx context.Context, rt *pybridge.Runtime) error {
		counted := make(chan struct{})
		err := rt.Registry().Register(cleanup.PhaseFlush, "the test's", func(context.Context) error { close(counted); return nil })
		require.NoError(t, err)
		owned, err := gil.Call(ctx, func(tok gil.Token) (*pybridge.Object, error) { return rt.Import(tok, "sys") })
		require.NoError(t, err)
		defer owned.Release()
		stop()
		select {
		case <-counted:
		case <-time.After(time.Second): // it takes its time to notice
		}
		return nil
	})
	require.ErrorIs(t, err, context.Canceled)
	assert.Empty(t, report.Leaked)
}
