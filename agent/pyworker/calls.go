package pyworker

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/pyrpc/pyrpc/agent"
	"github.com/pyrpc/pyrpc/gil"
	"github.com/pyrpc/pyrpc/pybridge"
)

// addressed reads (to, data, tensors, timeout) from argument i on.
func (w *Worker) addressed(ctx context.Context, a arguments, i int) (to string, m message, seconds float64, err error) {
	to, err1 := argument[string](a, i)
	seconds, err2 := secondsOf(a, i+3)
	if err := errors.Join(err1, err2); err != nil {
		return "", message{}, 0, err
	}
	if m, err = w.pickle(ctx, a, i+1); err == nil && a.values[i+2] != nil {
		m, err = w.besideTensors(ctx, m, a.values[i+2])
	}
	if err != nil {
		return "", message{}, 0, err
	}
	return to, m, seconds, nil
}

// pickle reads an argument that is bytes, or memoryviews of bytes, one or a list, which are looked at where they are.
func (w *Worker) pickle(ctx context.Context, a arguments, i int) (m message, err error) {
	var parts []*pybridge.Object
	switch value := a.values[i].(type) {
	case *pybridge.Object:
		parts = append(parts, value)
	case []any:
		for _, part := range value {
			o, ok := part.(*pybridge.Object)
			if !ok {
				return message{}, fmt.Errorf("pyworker: Python gave a %T where a part of a pickle was expected", part)
			}
			parts = append(parts, o)
		}
	default:
		data, err := argument[[]byte](a, i)
		return message{body: agent.Bytes(data)}, err
	}
	err = w.inside(context.WithoutCancel(ctx), func(t gil.Token) (err error) {
		m, err = lookAt(t, parts...)
		return err
	})
	return m, err
}

// besideTensors puts the pickle, which is in one part, and tensors into one message.
func (w *Worker) besideTensors(ctx context.Context, pickle message, tensors any) (m message, err error) {
	p, err := payloadOf(pickle.body[0], tensors)
	if err == nil {
		m, err = w.message(ctx, p)
	}
	if err != nil {
		pickle.release()
		return message{}, err
	}
	m.views = pickle.views
	return m, nil
}

func (w *Worker) hostCall(ctx context.Context, a arguments) (out any, err error) {
	to, m, seconds, err := w.addressed(ctx, a, 0)
	if err != nil {
		return nil, err
	}
	defer m.release()
	ctx, cancel := within(ctx, seconds)
	defer cancel()
	err = w.wait(func() error {
		reply, err := w.agent.Call(ctx, to, m.request())
		if err == nil {
			out, err = w.reply(ctx, reply)
		}
		return err
	})
	if err != nil {
		return failed(err), nil
	}
	return out, nil
}

// large is from what size on Python reads a body where it is: below, a copy costs less than that does.
const large = 32 << 10

// reply is what Python gets for a reply: bytes, a memoryview, or a list of bytes and tensors.
func (w *Worker) reply(ctx context.Context, reply agent.Reply) (any, error) {
	p, err := w.payload(ctx, reply.Body)
	switch {
	case err != nil:
		reply.Recycle()
		return nil, err
	case len(p.Tensors) > 0:
		reply.Recycle() // all of it was copied
		table := make([]any, len(p.Tensors))
		for i, tensor := range p.Tensors {
			table[i] = tensor.Object()
		}
		return pybridge.Given{Value: []any{p.Data, table}, Release: p.Release}, nil
	case len(p.Data) < large:
		return p.Data, nil // which is in no memory that there is to recycle
	}
	return pybridge.Memory{Data: p.Data, Release: reply.Recycle}, nil
}

// hostCallAsync begins a call whose outcome goes to settle of pyrpc/_rpc.py. It is called with the GIL: a small call is
// written, or queued, before another thread could have taken that. One that has memory of Python's to copy gives it back.
func (w *Worker) hostCallAsync(ctx context.Context, a arguments) (out any, err error) {
	if data, small := a.at(2).([]byte); small && len(data) < large && a.at(3) == nil {
		return w.beginAsync(ctx, a)
	}
	t, err := gil.Assume(ctx)
	if err != nil {
		return nil, err
	}
	if failed := gil.Detach(t, func() { out, err = w.beginAsync(ctx, a) }); failed != nil {
		return nil, failed
	}
	return out, err
}

func (w *Worker) beginAsync(ctx context.Context, a arguments) (any, error) {
	ticket, err := argument[int64](a, 0)
	if err != nil {
		return nil, err
	}
	to, m, seconds, err := w.addressed(ctx, a, 1)
	if err != nil {
		return nil, err
	}
	defer m.release()
	// Not the context of this function, which ends when it returns.
	call, cancel := within(w.ctx, seconds)
	w.agent.CallAsync(call, to, m.request()).Then(func(reply agent.Reply, err error) {
		cancel()
		w.completions.add(ticket, reply, err)
	})
	return nil, nil
}

// completions brings the outcomes of asynchronous calls to Python, as many at once as have come.
type completions struct {
	worker *Worker

	mu sync.Mutex
	// guarded by mu
	queue   []completion
	running bool
}

type completion struct {
	ticket int64
	reply  agent.Reply
	err    error
	over   chan struct{}
}

// add returns when the outcome is in Python, and its callbacks have run.
func (c *completions) add(ticket int64, reply agent.Reply, err error) {
	over := make(chan struct{})
	c.mu.Lock()
	c.queue = append(c.queue, completion{ticket, reply, err, over})
	if !c.running {
		c.running = true
		go c.drain()
	}
	c.mu.Unlock()
	<-over
}

func (c *completions) drain() {
	for {
		c.mu.Lock()
		batch := c.queue
		c.queue = nil
		if len(batch) == 0 {
			c.running = false
			c.mu.Unlock()
			return
		}
		c.mu.Unlock()
		c.settle(batch)
	}
}

// settle gives a batch to Python. What fails then does so because Python is closed: nobody waits there.
func (c *completions) settle(batch []completion) {
	w := c.worker
	outcomes := make([]any, len(batch))
	over := make(map[int64]chan struct{}, len(batch))
	var releases []func()
	release := func() {
		for _, f := range releases {
			f()
		}
	}
	defer release()
	for i, done := range batch {
		over[done.ticket] = done.over
		value, err := any(nil), done.err
		if err == nil {
			value, err = w.reply(w.ctx, done.reply)
		}
		if err != nil {
			value = failed(err)
		}
		switch given := value.(type) {
		case pybridge.Given:
			value, releases = given.Value, append(releases, given.Release)
		case pybridge.Memory: // which a Future could keep from its owner for ever
			value, releases = given.Data, append(releases, given.Release)
		}
		outcomes[i] = pybridge.Tuple{done.ticket, value}
	}
	var busy, awake []int64
	_ = w.inside(context.WithoutCancel(w.ctx), func(t gil.Token) error {
		defer release() // while the GIL is held, so that nobody else has to take it for this
		result, err := w.python.settle.Call(t, outcomes)
		if err != nil {
			return err
		}
		defer result.Release()
		both, err := pybridge.As[[][]int64](t, result)
		if err == nil && len(both) == 2 {
			busy, awake = both[0], both[1]
		}
		return err
	})
	for _, n := range awake {
		close(w.events.find(n))
	}
	for _, ticket := range busy {
		finished := over[ticket]
		delete(over, ticket)
		go func() {
			defer close(finished)
			w.runCallbacks(ticket)
		}()
	}
	for _, finished := range over {
		close(finished)
	}
}

// runCallbacks is on a goroutine of its own, as callbacks may wait.
func (w *Worker) runCallbacks(ticket int64) {
	ctx := gil.WithLabel(context.WithoutCancel(w.ctx), "callbacks of a call")
	_ = gil.With(ctx, func(t gil.Token) error { return discard(w.python.runCallbacks.Call(t, ticket)) })
}
