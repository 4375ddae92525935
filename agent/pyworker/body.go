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

// message is a payload in the form in which it travels. Its bytes may be memory of Python objects. Python may change
// those of tensors; a call carries what they were when it was made, so the agent copies them then.
type message struct {
	body    agent.Body
	joined  bool             // the segments of the body are parts of one pickle
	tensors *handler.Flat    // nil where there are none
	views   []*pybridge.View // of the segments of the body; none where the segments are copies
	payload handler.Payload  // whose tensors the message releases; none where the caller keeps them
}

// request makes a request of the message. The message may be released as soon as the call has begun.
func (m message) request() agent.Request {
	return agent.Request{Body: m.body, CopyNow: m.lent(), Contiguous: m.joined, ZeroCopy: true}
}

// reply makes a reply of the message. The agent releases the message.
func (m message) reply() agent.Reply {
	reply := agent.Reply{Body: m.body, Contiguous: m.joined}
	if m.lent() {
		reply.Release = m.release
	}
	return reply
}

// lent says whether the body has bytes that are memory of Python objects.
func (m message) lent() bool { return m.tensors != nil || len(m.views) > 0 }

func (m message) release() {
	m.tensors.Release()
	m.payload.Release()
	for _, view := range m.views {
		view.Release()
	}
}

// message makes a message of a payload: the pickle alone, or the flat form where the payload has tensors.
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

// flat makes a message of the result of Python's serialize: (bytes, tensors).
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

func isFlat(body agent.Body) bool {
	segments := body.Segments()
	return len(segments) > 0 && bytes.HasPrefix(segments[0], []byte(wire.Magic))
}

// payload is the reverse of message. A payload with tensors is made of copies, one without refers to the body.
func (w *Worker) payload(ctx context.Context, body agent.Body) (handler.Payload, error) {
	switch len(body.Segments()) {
	case 0:
		return handler.Payload{}, &agent.Error{Code: codes.InvalidArgument, Text: "the body is empty: every pickle has at least one byte"}
	case 1:
		if !isFlat(body) {
			return handler.Payload{Data: body.Bytes()}, nil
		}
	}
	return w.unflatten(ctx, body, body.Size(), func([]byte) error { return nil })
}

// unflatten reads the flat form of a payload with at most the given number of tensors. It calls admit with the pickle
// before it enters Python; an error of admit ends it.
func (w *Worker) unflatten(ctx context.Context, body agent.Body, tensors int64, admit func(data []byte) error) (handler.Payload, error) {
	segments, readers := make([]bytes.Reader, len(body.Segments())), make([]io.Reader, len(body.Segments()))
	for i, segment := range body.Segments() {
		segments[i].Reset(segment)
		readers[i] = &segments[i]
	}
	limits := wire.Limits{Data: body.Size(), Tensors: min(tensors, body.Size()), Bytes: body.Size()}
	p, err := w.handler.UnflattenIf(ctx, io.MultiReader(readers...), limits, func(data []byte) error {
		if err := admit(data); err != nil {
			return err
		}
		// A tensor may be the first use of torch in this process, and torch is to be imported on the owner's thread. Where
		// torch is missing, making the tensors says so.
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

// messageOf makes a message of an argument that Python passed to a Go function: bytes, a list of bytes, or a pair (bytes, tensors).
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

// messageOfParts makes a message of a list of bytes: the parts of one pickle.
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

// viewOf makes a message of the memory of Python objects that export a buffer: the parts of one pickle.
func viewOf(t gil.Token, parts ...*pybridge.Object) (m message, err error) {
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

// viewOfList is viewOf for a Python list of such objects.
func viewOfList(t gil.Token, list *pybridge.Object) (message, error) {
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
	return viewOf(t, parts...)
}

// payloadOf makes a payload of a pickle and of a list of tensors, which stay the caller's to release.
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
