package pyworker_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/agent"
	"github.com/gopyrpc/gopyrpc/agent/pyworker"
	"github.com/gopyrpc/gopyrpc/cleanup"
	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/internal/pythontest"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// group makes n workers, w0 to wN, in this process, which leave together when the test ends.
func group(t testing.TB, n int, change ...func(rank int, c *pyworker.Config)) []*pyworker.Worker {
	t.Helper()
	workers := make([]*pyworker.Worker, n)
	var serving sync.WaitGroup
	for i := range workers {
		config := pyworker.Config{Config: agent.Config{
			Name: fmt.Sprintf("w%d", i), Rank: i, Logger: slog.New(slog.DiscardHandler), Cleanup: cleanup.New(),
			Rendezvous: &agent.Rendezvous{WorldSize: n, Host: i == 0},
		}}
		if i > 0 {
			config.Rendezvous.Address = workers[0].Agent().Addr().String()
		}
		for _, f := range change {
			f(i, &config)
		}
		w, err := pyworker.New(t.Context(), pythontest.Runtime(), config)
		require.NoError(t, err, "%+v", err)
		workers[i] = w
		serving.Go(func() { assert.NoError(t, w.Serve()) })
	}
	parted := new(atomic.Bool)
	partings.Store(workers[0], parted)
	t.Cleanup(func() {
		for _, w := range workers {
			serving.Go(func() {
				if parted.Load() {
					_, _ = w.Agent().Shutdown(context.Background())
					return
				}
				_, err := w.Agent().Join(context.Background())
				assert.NoError(t, err, "%s", w.Agent().Name())
			})
		}
		serving.Wait()
		for _, w := range workers {
			assert.NoError(t, w.Handler().Cleanup(context.Background()))
		}
	})
	for _, w := range workers {
		require.NoError(t, w.WaitReady(t.Context()))
	}
	return workers
}

var partings sync.Map // *pyworker.Worker, the first of a group, to *atomic.Bool

// part shuts a worker of a group down; the group does not join any more.
func part(t testing.TB, workers []*pyworker.Worker, w *pyworker.Worker) {
	t.Helper()
	parted, _ := partings.Load(workers[0])
	parted.(*atomic.Bool).Store(true)
	if _, err := w.Agent().Shutdown(t.Context()); err != nil {
		require.ErrorIs(t, err, cleanup.ErrLeaked) // which others notice next
	}
}

// inside runs a function of a module in testdata as a call that the worker serves: what it calls in
// turn, it calls as that worker.
func inside(t testing.TB, w *pyworker.Worker, module, function string, args ...any) error {
	t.Helper()
	return call(t.Context(), w, w.Agent().Name(), module, function, args...)
}

// call makes a call at a worker. Ctx bounds the call, and not what makes the request and reads the reply.
func call(ctx context.Context, w *pyworker.Worker, to, module, function string, args ...any) error {
	unbound := context.WithoutCancel(ctx)
	var udf *pybridge.Object
	err := gil.With(unbound, func(tok gil.Token) error {
		m, err := pythontest.Runtime().Import(tok, module)
		if err != nil {
			return err
		}
		defer m.Release()
		f, err := m.Attr(tok, function)
		if err != nil {
			return err
		}
		defer f.Release()
		internal, err := pythontest.Runtime().Import(tok, "gopyrpc.internal")
		if err != nil {
			return err
		}
		defer internal.Release()
		udf, err = internal.CallMethod(tok, "PythonUDF", f, pybridge.Tuple(args), map[string]any{})
		return err
	})
	if err != nil {
		return err
	}
	defer udf.Release()
	request, err := w.Handler().Serialize(unbound, udf)
	if err != nil {
		return err
	}
	defer request.Release()
	reply, err := w.RunUDF(ctx, to, request)
	if err != nil {
		return err
	}
	defer reply.Release()
	result, err := w.Handler().Deserialize(unbound, reply)
	if err != nil {
		return err
	}
	defer result.Release()
	return w.Handler().HandleException(unbound, result)
}
