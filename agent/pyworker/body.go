package pyworker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"google.golang.org/grpc/codes"

	"github.com/pyrpc/pyrpc/agent"
	"github.com/pyrpc/pyrpc/handler"
	"github.com/pyrpc/pyrpc/handler/wire"
	"github.com/pyrpc/pyrpc/pybridge"
)

// flatMagic begins the flat form (package handler/wire); no pickle of protocol 2 or later begins so.
var flatMagic = []byte("pyrW")

// message is what travels for a payload. The bytes may be Python's. Those of tensors it may change: what a call
// carries is what was there when it was made, so the agent has to copy them then.
type message struct {
	body    agent.Body
	tensors *handler.Flat   // nil where there are none
	view    *pybridge.View  // of a pickle; nil where there is a copy
	payload handler.Payload // whose tensors are the message's; none where they are somebody else's
}

// request is the message as one, which release may follow as soon as the call has begun.
func (m message) request() agent.Request {
	return agent.Request{Body: m.body, Volatile: m.tensors != nil || m.view != nil}
}

// reply is the message as one, whose release is the agent's.
func (m message) reply() agent.Reply {
	if m.tensors == nil {
		return agent.Reply{Body: m.body}
	}
	return agent.Reply{Body: m.body, Release: m.release}
}

func (m message) release() {
	m.tensors.Release()
	m.payload.Release()
	m.view.Release()
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

// payload is message in reverse. It is made of copies where there are tensors, and of the body itself where not.
func (w *Worker) payload(ctx context.Context, body agent.Body) (handler.Payload, error) {
	if len(body) == 1 && !bytes.HasPrefix(body[0], flatMagic) {
		return handler.Payload{Data: body[0]}, nil
	}
	if len(body) == 0 {
		return handler.Payload{}, &agent.Error{Code: codes.InvalidArgument, Text: "the body is empty: no pickle can be"}
	}
	// A tensor may be the first thing here that needs torch; its import belongs on the owner's thread. Where
	// there is none, what follows says so.
	w.torch.Do(func() { _ = w.rt.Preload(context.WithoutCancel(ctx), "torch") })
	readers := make([]io.Reader, len(body))
	for i, segment := range body {
		readers[i] = bytes.NewReader(segment)
	}
	all := io.MultiReader(readers...)
	p, err := w.handler.Unflatten(ctx, all, wire.Limits{Data: body.Size(), Tensors: body.Size(), Bytes: body.Size()})
	if err != nil {
		return handler.Payload{}, &agent.Error{Code: codes.InvalidArgument, Text: fmt.Sprintf("the body cannot be read: %v", err), Err: err}
	}
	if n, _ := io.Copy(io.Discard, all); n > 0 {
		p.Release()
		return handler.Payload{}, &agent.Error{Code: codes.InvalidArgument, Text: fmt.Sprintf("the body has %d bytes too many", n)}
	}
	return p, nil
}

// messageOf is message for what Python hands to a Go function: bytes, or a pair of them and tensors.
func (w *Worker) messageOf(ctx context.Context, argument any) (message, error) {
	if data, ok := argument.([]byte); ok {
		return message{body: agent.Bytes(data)}, nil
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
