package pyworker

import (
	"context"
	"errors"
	"fmt"

	"github.com/gopyrpc/gopyrpc/agent"
	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// addressed reads the arguments (to, data, tensors, timeout), the first of which has index i.
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

// pickle makes a message of an argument: bytes, which were copied, or one or several memoryviews, whose memory the
// message refers to.
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
		m, err = viewOf(t, parts...)
		return err
	})
	return m, err
}

// besideTensors makes a message of a pickle, which has one part, and of the tensors that the pickle refers to.
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
			out, err = w.reply(ctx, reply, answererOf(to, a, 4))
		}
		return err
	})
	if err != nil {
		return failure(err)
	}
	return out, nil
}

// large is the size in bytes from which on Python reads a body in place. Below it a copy costs less than a memoryview.
const large = 32 << 10

// reply brings a reply into the form in which Python takes it: bytes; a memoryview; a list of bytes and tensors; or, of
// a worker whose replies are restricted, what admit lets in and the worker's Caller.
func (w *Worker) reply(ctx context.Context, reply agent.Reply, from answerer) (any, error) {
	if list := from.list(w); list != nil {
		return w.replyRestricted(ctx, reply, agent.Peer{Name: from.name, Allow: list})
	}
	p, err := w.payload(ctx, reply.Body)
	switch {
	case err != nil:
		reply.Free()
		return nil, err
	case len(p.Tensors) > 0:
		reply.Free() // all of it was copied
		table := make([]any, len(p.Tensors))
		for i, tensor := range p.Tensors {
			table[i] = tensor.Object()
		}
		return pybridge.Given{Value: []any{p.Data, table}, Release: p.Release}, nil
	case len(p.Data) < large:
		return p.Data, nil // a reply as small as this is in memory of its own
	}
	return pybridge.Memory{Data: p.Data, Release: reply.Free}, nil
}

// hostCallAsync begins a call whose outcome goes to settle of gopyrpc/_rpc/pending.py. Python calls it with the GIL held, and
// a small call is sent or queued in less time than to give the GIL up and to take it again. A call with memory of Python
// objects to copy gives it up.
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
	// ctx ends when this function returns, and the call goes on.
	call, cancel := within(w.ctx, seconds)
	from := answererOf(to, a, 5)
	w.completions.announce(ticket)
	future := w.agent.CallHandled(call, to, m.request(), func(reply agent.Reply, err error, done func()) {
		cancel()
		w.completions.add(completion{ticket, reply, from, err, done})
	})
	w.completions.expect(ticket, future)
	return nil, nil
}
