package launch

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var errStop = errors.New("stop")

// startStubborn runs workers that take no notice of SIGTERM, and neither does what they start. It gives the end of Run,
// and a pipe that all these processes hold: it ends when the last of them has.
func startStubborn(ctx context.Context, t *testing.T, g *Group) (over chan error, pipe *bufio.Reader) {
	t.Helper()
	fifo := filepath.Join(t.TempDir(), "fifo")
	require.NoError(t, syscall.Mkfifo(fifo, 0o600))
	g.Workers, g.Stdout, g.Stderr = 2, io.Discard, io.Discard
	g.Command = []string{"sh", "-c", `trap "" TERM; exec 9>"$0"; sleep 100000 & echo in >&9; while :; do wait; done`, fifo}
	over = make(chan error, 1)
	go func() { over <- g.Run(ctx) }()
	file, err := os.Open(fifo)
	require.NoError(t, err)
	t.Cleanup(func() { _ = file.Close() })
	lines := bufio.NewReader(file)
	for range g.Workers {
		line, err := lines.ReadString('\n')
		require.NoError(t, err)
		require.Equal(t, "in\n", line)
	}
	return over, lines
}

// A worker that does not end in the time of grace is killed, with the processes that it has started.
func TestGraceAndThenSIGKILL(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	over, lines := startStubborn(ctx, t, &Group{Grace: 10 * time.Millisecond})
	cancel(errStop)
	_, err := lines.ReadByte()
	assert.ErrorIs(t, err, io.EOF)
	assert.ErrorIs(t, <-over, errStop)
}

// Kill does not wait for that, nor for SIGTERM to be sent.
func TestKill(t *testing.T) {
	g := &Group{Grace: time.Hour}
	over, lines := startStubborn(t.Context(), t, g)
	g.Kill()
	_, err := lines.ReadByte()
	assert.ErrorIs(t, err, io.EOF)
	var failed *Failed
	require.ErrorAs(t, <-over, &failed)
	assert.Equal(t, 128+9, failed.Status())
	g.Kill() // nobody is left
}

// TestKillOfWorkersThatStart: a worker that starts while Kill goes through the running ones must not be missed.
func TestKillOfWorkersThatStart(t *testing.T) {
	g := &Group{Workers: 2, Command: []string{"sleep", "100000"}, Stdout: io.Discard, Stderr: io.Discard, Grace: time.Hour}
	g.Kill()
	var failed *Failed
	require.ErrorAs(t, g.Run(t.Context()), &failed)
	assert.Equal(t, 128+9, failed.Status())
}
