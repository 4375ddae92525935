package budget_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/agent/pyworker/budget"
)

// begin begins a call that is to be let in, and ends it with the test.
func begin(t *testing.T, m *budget.Meter) (context.Context, *budget.Call) {
	t.Helper()
	ctx, c, err := m.Begin(t.Context())
	require.NoError(t, err)
	t.Cleanup(c.End)
	return ctx, c
}

func enter(t *testing.T, m *budget.Meter) (context.Context, *budget.Call) {
	t.Helper()
	ctx, c := begin(t, m)
	c.Entered()
	return ctx, c
}

func exceeds(t *testing.T, err error, text string) {
	t.Helper()
	var e *budget.Exceeded
	require.ErrorAs(t, err, &e)
	assert.ErrorContains(t, err, text)
}

// pass lets time pass, on the clock of the bubble.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func TestPerCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := budget.New("w1", budget.Limits{PerCall: 2 * time.Second})
		ctx, c := begin(t, m)
		pass(time.Hour) // it waits to enter Python
		require.NoError(t, ctx.Err())
		c.Entered()
		c.Entered()
		pass(2*time.Second - 1)
		require.NoError(t, ctx.Err())
		pass(1)
		exceeds(t, context.Cause(ctx), "Python has run for this call of w1 for 2s")
		pass(time.Second) // as C code does not notice
		c.End()
		c.End()
		assert.Equal(t, budget.Usage{Calls: 1, Inside: 3 * time.Second, Minute: 3 * time.Second, Interrupted: 1}, m.Usage())

		other, c := enter(t, m)
		pass(time.Second)
		c.End()
		pass(time.Hour)
		assert.ErrorIs(t, context.Cause(other), context.Canceled)
		assert.Equal(t, uint64(1), m.Usage().Interrupted)
		assert.Equal(t, 4*time.Second, m.Usage().Inside)
	})
}

func TestPerMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := budget.New("w1", budget.Limits{PerMinute: 10 * time.Second})
		_, c := enter(t, m) // the minute begins
		pass(4 * time.Second)
		c.End()
		pass(20 * time.Second) // which nobody counts
		one, c1 := enter(t, m)
		two, c2 := enter(t, m)
		waits, c3 := begin(t, m)
		pass(3*time.Second - 1)
		require.NoError(t, one.Err())
		pass(1) // twice three and four
		exceeds(t, context.Cause(one), "Python has run for w1 for 10s in this minute, allowed are 10s (Config.Budget.PerMinute, --max-minute-time): it may call again in 33s")
		exceeds(t, context.Cause(two), "10s")
		require.NoError(t, waits.Err(), "it is not in Python")
		c3.Entered()
		exceeds(t, context.Cause(waits), "10s")
		c1.End()
		c3.End()
		_, _, err := m.Begin(t.Context())
		exceeds(t, err, "may call again in 33s")
		pass(3 * time.Second) // of one that does not notice
		_, _, err = m.Begin(t.Context())
		exceeds(t, err, "Python has run for w1 for 13s")
		pass(30*time.Second - 1)
		_, _, err = m.Begin(t.Context())
		exceeds(t, err, "may call again in 0s")
		pass(1)
		assert.Zero(t, m.Usage().Minute)
		three, c := enter(t, m)
		pass(4 * time.Second) // beside the one that does not notice
		c2.End()
		require.NoError(t, three.Err())
		pass(2 * time.Second)
		exceeds(t, context.Cause(three), "10s")
		c.End()
		u := m.Usage()
		assert.Equal(t, 10*time.Second, u.Minute)
		assert.Equal(t, uint64(3), u.Refused)
		assert.Equal(t, uint64(4), u.Interrupted)
		pass(time.Hour)
		four, _ := enter(t, m)
		pass(10*time.Second - 1)
		require.NoError(t, four.Err())
	})
}

// A call that goes on over the end of a minute has what is allowed in each of them.
func TestMinutesFollow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := budget.New("w1", budget.Limits{PerMinute: 50 * time.Second})
		_, c := enter(t, m)
		pass(time.Second)
		c.End()
		pass(29 * time.Second)
		ctx, c := enter(t, m) // 30 s are left of this minute
		pass(30*time.Second + 50*time.Second - 1)
		require.NoError(t, ctx.Err())
		pass(1)
		exceeds(t, context.Cause(ctx), "50s in this minute")
		pass(3 * time.Hour)
		c.End()
		assert.Equal(t, 81*time.Second+3*time.Hour, m.Usage().Inside)
	})
}

func TestResultsAndCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := budget.New("w1", budget.Limits{Result: 100, Calls: 2})
		_, one := begin(t, m)
		begin(t, m)
		_, _, err := m.Begin(t.Context())
		exceeds(t, err, "2 calls of w1 are in progress, allowed are 2 (Config.Budget.Calls, --max-calls)")
		require.NoError(t, one.Result(100))
		exceeds(t, one.Result(101), "the result has 101 bytes, allowed for w1 are 100 (Config.Budget.Result, --max-result)")
		one.End()
		_, three := begin(t, m)
		three.End()
		assert.Equal(t, budget.Usage{Calls: 3, InProgress: 1, Result: 100, Refused: 2}, m.Usage())
	})
}

func TestLimits(t *testing.T) {
	assert.False(t, budget.Limits{}.Bound())
	everybody := budget.Limits{PerCall: 1, PerMinute: 2, Result: 3, Calls: 4}
	assert.True(t, everybody.Bound())
	assert.Equal(t, everybody, budget.Limits{}.Or(everybody))
	assert.Equal(t, budget.Limits{PerCall: 9, PerMinute: 2, Result: 8, Calls: 4}, budget.Limits{PerCall: 9, Result: 8}.Or(everybody))
	assert.Empty(t, everybody.Wrong())
	for text, l := range map[string]budget.Limits{"PerCall": {PerCall: -1}, "PerMinute": {PerMinute: -1}, "Result": {Result: -1}, "Calls": {Calls: -1}} {
		assert.Contains(t, l.Wrong(), text)
	}
}
