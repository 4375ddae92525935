package budget

import (
	"context"
	"sync"
	"time"
)

// minute is what PerMinute is about. It begins with a call, where none is being counted.
const minute = time.Minute

// Meter counts for one peer. Its methods may be called on any goroutine, and do not wait.
type Meter struct {
	peer   string
	limits Limits

	mu sync.Mutex
	// guarded by mu
	inside  map[*Call]struct{} // the calls that are in Python
	began   time.Time          // of the minute that is counted; zero where there is none
	counted time.Time          // until when
	timer   *time.Timer        // for when the minute's time is used up, or the minute is over
	usage   Usage
}

// New makes a Meter for a peer.
func New(peer string, limits Limits) *Meter {
	return &Meter{peer: peer, limits: limits, inside: map[*Call]struct{}{}}
}

// Call is one call of the peer. The methods of nil do nothing: nothing is counted.
type Call struct {
	meter  *Meter
	cancel context.CancelCauseFunc
	timer  *time.Timer // of PerCall

	// guarded by Meter.mu
	stopped bool
	ended   bool
}

// Begin counts a call. The context that it gives ends when a limit of time is reached, with an *[Exceeded] as its
// cause. Where it gives a Call, that must be ended.
//
// Errors: *[Exceeded].
func (m *Meter) Begin(ctx context.Context) (context.Context, *Call, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.count()
	if n := m.limits.Calls; n > 0 && m.usage.InProgress >= n {
		m.usage.Refused++
		return ctx, nil, exceeded("%d calls of %s are in progress, allowed are %d (Config.Budget.Calls, --max-calls)", m.usage.InProgress, m.peer, n)
	}
	if m.spent() {
		m.usage.Refused++
		return ctx, nil, m.overMinute()
	}
	m.usage.Calls++
	m.usage.InProgress++
	c := &Call{meter: m}
	ctx, c.cancel = context.WithCancelCause(ctx)
	return ctx, c, nil
}

// Entered says that the call is in Python, from now on. A second call does nothing.
func (c *Call) Entered() {
	if c == nil {
		return
	}
	m := c.meter
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, again := m.inside[c]; again || c.ended {
		return
	}
	m.count()
	if m.began.IsZero() {
		m.began = time.Now()
		m.counted = m.began
	}
	m.inside[c] = struct{}{}
	if limit := m.limits.PerCall; limit > 0 {
		c.timer = time.AfterFunc(limit, func() {
			m.mu.Lock()
			defer m.mu.Unlock()
			m.stop(c, exceeded("Python has run for this call of %s for %v, which is all that it may (Config.Budget.PerCall, --max-call-time)", m.peer, limit))
		})
	}
	m.look()
}

// Result counts a result.
//
// Errors: *[Exceeded].
func (c *Call) Result(bytes int64) error {
	if c == nil {
		return nil
	}
	m := c.meter
	m.mu.Lock()
	defer m.mu.Unlock()
	if limit := m.limits.Result; limit > 0 && bytes > limit {
		m.usage.Refused++
		return exceeded("the result has %d bytes, allowed for %s are %d (Config.Budget.Result, --max-result)", bytes, m.peer, limit)
	}
	m.usage.Result += bytes
	return nil
}

// End says that the call is over. A second call does nothing.
func (c *Call) End() {
	if c == nil {
		return
	}
	m := c.meter
	m.mu.Lock()
	defer m.mu.Unlock()
	if c.ended {
		return
	}
	c.ended = true
	m.count()
	delete(m.inside, c)
	m.usage.InProgress--
	if c.timer != nil {
		c.timer.Stop()
	}
	c.cancel(nil)
	m.look()
}

// Usage is what the peer has used.
func (m *Meter) Usage() Usage {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.count()
	return m.usage
}

// count brings the time until now to account, with mu held.
func (m *Meter) count() {
	now := time.Now()
	for !m.began.IsZero() {
		end := m.began.Add(minute)
		until := now
		if end.Before(now) {
			until = end
		}
		took := until.Sub(m.counted) * time.Duration(len(m.inside))
		m.usage.Inside += took
		m.usage.Minute += took
		m.counted = until
		if now.Before(end) {
			return
		}
		m.usage.Minute = 0
		m.began = end
		if len(m.inside) == 0 {
			m.began = time.Time{}
		}
	}
}

// spent with mu held, after count.
func (m *Meter) spent() bool { return m.limits.PerMinute > 0 && m.usage.Minute >= m.limits.PerMinute }

// look stops the calls where the minute's time is used up, and sees to it that it is looked at again when it may be.
// With mu held, after count.
func (m *Meter) look() {
	if m.timer != nil {
		m.timer.Stop()
		m.timer = nil
	}
	if m.limits.PerMinute <= 0 || len(m.inside) == 0 {
		return
	}
	rest := m.began.Add(minute).Sub(m.counted)
	if m.spent() {
		for c := range m.inside {
			m.stop(c, m.overMinute())
		}
	} else {
		n := time.Duration(len(m.inside))
		rest = min(rest, (m.limits.PerMinute-m.usage.Minute+n-1)/n)
	}
	m.timer = time.AfterFunc(rest, func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.count()
		m.look()
	})
}

// stop with mu held.
func (m *Meter) stop(c *Call, why *Exceeded) {
	if c.stopped || c.ended {
		return
	}
	c.stopped = true
	m.usage.Interrupted++
	c.cancel(why)
}

// overMinute with mu held.
func (m *Meter) overMinute() *Exceeded {
	left := m.began.Add(minute).Sub(m.counted)
	return exceeded("Python has run for %s for %v in this minute, allowed are %v (Config.Budget.PerMinute, --max-minute-time): it may call again in %v",
		m.peer, m.usage.Minute.Round(time.Millisecond), m.limits.PerMinute, left.Round(time.Millisecond))
}
