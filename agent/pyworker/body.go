package pyworker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"google.golang.org/grpc/codes"

	"github.com/gopyrpc/gopyrpc/agent"
	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/handler"
	"github.com/gopyrpc/gopyrpc/handler/wire"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// flatMagic begins the flat form (package handler/wire); no pickle of protocol 2 or later begins so.
var flatMagic = []byte("pyrW")

// message is what travels for a payload. The bytes may be Python's. Those of tensors it may change: what a call
// carries is what was there when it was made, so the agent has to copy them then.
type message struct {
	body    agent.Body
	joined  bool             // the body's segments are parts of one pickle
	tensors *handler.Flat    // nil where there are none
	views   []*pybridge.View // of the body's segments; none where there are copies
	payload handler.Payload  // whose tensors are the message's; none where they are somebody else's
}

// request is the message as one, which release may follow as soon as the call has begun.
func (m message) request() agent.Request {
	return agent.Request{Body: m.body, CopyNow: m.lent(), Contiguous: m.joined, ZeroCopy: true}
}

// reply is the message as one, whose release is the agent's.
func (m message) reply() agent.Reply {
	reply := agent.Reply{Body: m.body, Contiguous: m.joined}
	if m.lent() {
		reply.Release = m.release
	}
	return reply
}

// lent says whether bytes of the body are Python's.
func (m message) lent() bool { return m.tensors != nil || len(m.views) > 0 }

func (m message) release() {
	m.tensors.Release()
	m.payload.Release()
	for _, view := range m.views {
		view.Release()
	}
}

// message makes one of a payload: its pickle, or where it has tensors the flat form.
func (w *Worker) message(ctx context.Context, p handler.Payload) (message, error) {
	if len(p.Tensors) == 0 {
		return message{body: agent.Bytes(p.Data)}, nil
	}
	flat, err := w.handler.Flatten(ctx, p)
	if err != nil {
		return message{}, err
	}
	return message{body: flat.Segments(), tensors: flat}, nil
}

// flat is a message of what Python's serialize gives, (bytes, tensors).
func (w *Worker) flat(t gil.Token, result *pybridge.Object) (message, error) {
	p, err := handler.PayloadOf(t, result)
	if err != nil {
		return message{}, err
	}
	m := message{payload: p}
	if len(p.Tensors) == 0 {
		m.body = agent.Bytes(p.Data)
		return m, nil
	}
	if m.tensors, err = w.handler.FlattenGILHeld(t, p); err != nil {
		p.Release()
		return message{}, err
	}
	m.body = m.tensors.Segments()
	return m, nil
}

func isFlat(body agent.Body) bool { return len(body) > 0 && bytes.HasPrefix(body[0], flatMagic) }

// payload is message in reverse. It is made of copies where there are tensors, and of the body itself where not.
func (w *Worker) payload(ctx context.Context, body agent.Body) (handler.Payload, error) {
	if len(body) == 1 && !isFlat(body) {
		return handler.Payload{Data: body[0]}, nil
	}
	if len(body) == 0 {
		return handler.Payload{}, &agent.Error{Code: codes.InvalidArgument, Text: "the body is empty: no pickle can be"}
	}
	return w.unflatten(ctx, body, body.Size(), func([]byte) error { return nil })
}

// unflatten reads the flat form, with so many tensors at most. The pickle in it is shown to admit before Python is entered.
func (w *Worker) unflatten(ctx context.Context, body agent.Body, tensors int64, admit func(data []byte) error) (handler.Payload, error) {
	segments, readers := make([]bytes.Reader, len(body)), make([]io.Reader, len(body))
	for i, segment := range body {
		segments[i].Reset(segment)
		readers[i] = &segments[i]
	}
	limits := wire.Limits{Data: body.Size(), Tensors: min(tensors, body.Size()), Bytes: body.Size()}
	p, err := w.handler.UnflattenIf(ctx, io.MultiReader(readers...), limits, func(data []byte) error {
		if err := admit(data); err != nil {
			return err
		}
		// A tensor may be the first thing here that needs torch; its import belongs on the owner's thread. Where
		// there is none, what follows says so.
		w.torch.Do(func() { _ = w.rt.Preload(context.WithoutCancel(ctx), "torch") })
		return nil
	})
	if err != nil {
		return handler.Payload{}, &agent.Error{Code: codes.InvalidArgument, Text: fmt.Sprintf("the body cannot be read: %v", err), Err: err}
	}
	left := 0
	for i := range segments {
		left += segments[i].Len()
	}
	if left > 0 {
		p.Release()
		return handler.Payload{}, &agent.Error{Code: codes.InvalidArgument, Text: fmt.Sprintf("the body has %d bytes too many", left)}
	}
	return p, nil
}

// messageOf is message for what Python hands to a Go function: bytes, a list of them, or a pair of bytes and tensors.
func (w *Worker) messageOf(ctx context.Context, argument any) (message, error) {
	switch argument := argument.(type) {
	case []byte:
		return message{body: agent.Bytes(argument)}, nil
	case []any:
		return messageOfParts(argument)
	}
	pair, ok := argument.(pybridge.Tuple)
	if !ok || len(pair) != 2 {
		return message{}, errors.New("pyworker: Python gave neither bytes nor (bytes, tensors)")
	}
	data, ok := pair[0].([]byte)
	if !ok {
		return message{}, errors.New("pyworker: Python gave no bytes")
	}
	p, err := payloadOf(data, pair[1])
	if err != nil {
		return message{}, err
	}
	return w.message(ctx, p)
}

// messageOfParts is messageOf for a pickle in parts.
func messageOfParts(parts []any) (message, error) {
	m := message{joined: true}
	for _, part := range parts {
		data, ok := part.([]byte)
		if !ok {
			return message{}, fmt.Errorf("pyworker: Python gave a %T where a part of a pickle was expected", part)
		}
		m.body = append(m.body, data)
	}
	return m, nil
}

// lookAt is a message of the memory of objects that export it, parts of one pickle.
func lookAt(t gil.Token, parts ...*pybridge.Object) (m message, err error) {
	m.joined = true
	for _, part := range parts {
		view, err := part.View(t)
		if err != nil {
			m.release()
			return message{}, err
		}
		m.views = append(m.views, view)
		m.body = append(m.body, view.Bytes())
	}
	return m, nil
}

// lookAtAll is lookAt for a list.
func lookAtAll(t gil.Token, list *pybridge.Object) (message, error) {
	var parts []*pybridge.Object
	defer func() {
		for _, part := range parts {
			part.Release()
		}
	}()
	err := list.Iterate(t, func(part *pybridge.Object) error {
		parts = append(parts, part)
		return nil
	})
	if err != nil {
		return message{}, err
	}
	return lookAt(t, parts...)
}

// payloadOf makes a payload whose tensors stay the caller's.
func payloadOf(data []byte, tensors any) (handler.Payload, error) {
	p := handler.Payload{Data: data}
	if tensors == nil {
		return p, nil
	}
	list, ok := tensors.([]any)
	if !ok {
		return p, errors.New("pyworker: Python gave no list of tensors")
	}
	for _, item := range list {
		o, ok := item.(*pybridge.Object)
		if !ok {
			return p, fmt.Errorf("pyworker: Python gave a %T where a tensor was expected", item)
		}
		p.Tensors = append(p.Tensors, handler.NewTensor(o))
	}
	return p, nil
}
