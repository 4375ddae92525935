package pyworker_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/status"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/internal/pythontest"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

func init() {
	pythontest.Register("waits for torch's futures", func() int {
		if err := serveTorchWaits(context.Background()); err != nil {
			fmt.Fprintf(os.Stderr, "%+v\n", err)
			return 1
		}
		return 0
	})
}

// serveTorchWaits has a worker with two permits serve six calls that wait for what a seventh sets, and one that waits for ever.
func serveTorchWaits(ctx context.Context) error {
	rt, err := pythontest.Start(pybridge.WithPath(testdata()), pybridge.WithPermits(2), pybridge.WithPreload("torch"))
	if err != nil {
		return err
	}
	s, err := serve(ctx, rt)
	if err != nil {
		return err
	}
	heard, bell, _ := os.Pipe()
	defer func() { _ = bell.Close() }() // and so it is not collected before
	const calls = 6
	over := make(chan error)
	for n := range calls {
		request, err := s.request(ctx, rt, "torchwaits", "waits", n, bell.Fd())
		if err != nil {
			return err
		}
		go func() {
			_, err := s.guest.RunUDF(ctx, "w0", request)
			over <- err
		}()
	}
	if _, err := io.ReadFull(heard, make([]byte, 2)); err != nil { // which have all the permits, or had
		return err
	}
	sets, err := s.request(ctx, rt, "torchwaits", "sets")
	if err != nil {
		return err
	}
	soon, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	if _, err := s.guest.RunUDF(soon, "w0", sets); err != nil {
		return err
	}
	for range calls {
		if err := <-over; err != nil {
			return err
		}
	}
	if _, err := io.ReadFull(heard, make([]byte, calls-2)); err != nil {
		return err
	}
	forEver, err := s.request(ctx, rt, "torchwaits", "waits_for_ever", bell.Fd())
	if err != nil {
		return err
	}
	call, leave := context.WithCancel(ctx)
	go func() {
		_, err := s.guest.RunUDF(call, "w0", forEver)
		over <- err
	}()
	_, _ = heard.Read(make([]byte, 1))
	leave()
	fmt.Println("a call that is cancelled:", status.Code(<-over))
	err = rt.Close(ctx)
	fmt.Println("abandoned:", gil.Stats().Abandoned)
	return err
}

// TestWaitsForTorchsFuturesGivePermitsBack: as waits for our own do, and an interruption ends them.
func TestWaitsForTorchsFuturesGivePermitsBack(t *testing.T) {
	if err := pythontest.Runtime().Preload(t.Context(), "torch"); err != nil {
		t.Skip("no torch: ", err)
	}
	stdout, stderr, code := pythontest.Script(t, "waits for torch's futures")
	require.Zero(t, code, stderr)
	assert.Equal(t, "a call that is cancelled: Canceled\nabandoned: 0\n", stdout)
}
