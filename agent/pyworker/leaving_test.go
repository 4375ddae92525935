package pyworker_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/gopyrpc/gopyrpc/agent"
	"github.com/gopyrpc/gopyrpc/agent/pyworker"
	"github.com/gopyrpc/gopyrpc/cleanup"
	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/internal/pythontest"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// A coroutine whose caller has left is cancelled, however the caller left.
func TestCoroutinesEndWithTheirCaller(t *testing.T) {
	for name, leave := range map[string]func(cancel func(), workers []*pyworker.Worker){
		"gives up":        func(cancel func(), _ []*pyworker.Worker) { cancel() },
		"connection gone": func(_ func(), workers []*pyworker.Worker) { part(t, workers, workers[1]) },
	} {
		for function, check := range map[string]string{"stays": "check_cancelled", "waits_for_another": "check_ended"} {
			t.Run(name+" "+function, func(t *testing.T) {
				workers := group(t, 2)
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				over := make(chan error, 1)
				go func() { over <- call(ctx, workers[1], "w0", "leaving", function) }()
				acquire(t, "leaving", "begun")
				leave(cancel, workers)
				assert.Error(t, <-over)
				assert.NoError(t, inside(t, workers[0], "leaving", check))
				untilNoTaskIsLeft(t, workers[0])
			})
		}
	}
}

func untilNoTaskIsLeft(t *testing.T, w *pyworker.Worker) {
	t.Helper()
	pythontest.Until(t, "no task is left", func() bool { return inside(t, w, "leaving", "check_no_task_is_left") == nil })
}

// The same for who calls himself, and when the time is up.
func TestCoroutinesEndWithTheirDeadline(t *testing.T) {
	workers := group(t, 2)
	for _, to := range []string{"w0", "w1"} {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond) // before or after it begins
		err := call(ctx, workers[0], to, "leaving", "waits_in_silence")
		cancel()
		assert.Equal(t, codes.DeadlineExceeded, status.Code(err), "%v", err)
	}
	untilNoTaskIsLeft(t, workers[0]) // the called worker notices by a clock of its own
}

func TestCoroutinesThatNeverBegin(t *testing.T) {
	assert.NoError(t, inside(t, group(t, 1)[0], "leaving", "check_cancelled_before_it_begins"))
}

// What an RRef refers to is no caller's alone.
func TestCoroutinesOfRRefsGoOn(t *testing.T) {
	err := inside(t, group(t, 2)[0], "leaving", "remote_value")
	assert.NoError(t, err, "%+v", err)
}

// What a coroutine returns all the same, when nobody waits any more, is kept by nobody.
func TestCoroutinesThatComeLate(t *testing.T) {
	if err := pythontest.Runtime().Preload(t.Context(), "torch"); err != nil {
		t.Skip("no torch, and so nothing that is kept until it is sent: ", err)
	}
	workers := group(t, 2)
	late := func() {
		ctx, cancel := context.WithCancel(t.Context())
		over := make(chan error, 1)
		go func() { over <- call(ctx, workers[1], "w0", "leaving", "comes_late") }()
		acquire(t, "leaving", "begun")
		cancel()
		assert.Error(t, <-over)
		untilNoTaskIsLeft(t, workers[0])
	}
	late() // makes what stays for the next time
	untilNoTaskIsLeft(t, workers[1])
	owned := pybridge.Owned()
	for range 8 {
		late()
	}
	pythontest.Until(t, "what came late is gone", func() bool { return pybridge.Owned() <= owned })
}

// A worker that is closed while Python is being told of it leaves nothing of it there, and no reference.
func TestLeavesWhilePythonIsTold(t *testing.T) {
	group(t, 1) // another agent, which stays
	value(t, "leaving.stay_in_install()")
	w, err := pyworker.New(t.Context(), pythontest.Runtime(), pyworker.Config{Config: agent.Config{
		Name: "early", Logger: slog.New(slog.DiscardHandler), Cleanup: cleanup.New(), Rendezvous: &agent.Rendezvous{WorldSize: 1, Host: true},
	}})
	require.NoError(t, err)
	over := make(chan error, 1)
	go func() { over <- w.Serve() }()
	acquire(t, "leaving", "begun")
	_, err = w.Agent().Shutdown(t.Context())
	assert.NoError(t, err)
	assert.NoError(t, <-over)
	assert.ErrorIs(t, w.WaitReady(t.Context()), agent.ErrClosed)
	assert.Equal(t, []any{"w0"}, value(t, "leaving.names_of_hosts()"))
	assert.Equal(t, 1, hosts(), "the other agent's")
	assert.NoError(t, w.Handler().Cleanup(t.Context()))
}

// hosts counts the references to agents that Go owns.
func hosts() (n int) {
	for _, owned := range pybridge.Leaks() {
		if owned.Name == "worker's host" {
			n += owned.Count
		}
	}
	return n
}

// value is that of an expression about the module leaving.
func value(t *testing.T, expression string) (v any) {
	t.Helper()
	pythontest.With(t, func(tok gil.Token) {
		o := pythontest.Define(t, tok, "import leaving\nvalue = "+expression, "value")
		defer o.Release()
		var err error
		v, err = pybridge.As[any](tok, o)
		require.NoError(t, err)
	})
	return v
}
