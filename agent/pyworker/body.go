package pyworker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"google.golang.org/grpc/codes"

	"github.com/pyrpc/pyrpc/agent"
	"github.com/pyrpc/pyrpc/handler"
	"github.com/pyrpc/pyrpc/handler/wire"
	"github.com/pyrpc/pyrpc/pybridge"
)

// flatMagic begins the flat form (package handler/wire); no pickle of protocol 2 or later begins so.
var flatMagic = []byte("pyrW")

// body is what travels for a payload: its pickle, or where it has tensors the flat form. The tensors'
// memory is copied: what a call carries is what was there when it was made.
func (w *Worker) body(ctx context.Context, p handler.Payload) (agent.Body, error) {
	if len(p.Tensors) == 0 {
		return agent.Bytes(p.Data), nil
	}
	flat, err := w.handler.Flatten(ctx, p)
	if err != nil {
		return nil, err
	}
	defer flat.Release()
	body := agent.Body(flat.Segments())
	for i, segment := range body {
		body[i] = slices.Clone(segment)
	}
	return body, nil
}

// payload is body in reverse.
func (w *Worker) payload(ctx context.Context, body agent.Body) (handler.Payload, error) {
	if len(body) == 1 && !bytes.HasPrefix(body[0], flatMagic) {
		return handler.Payload{Data: body[0]}, nil
	}
	if len(body) == 0 {
		return handler.Payload{}, &agent.Error{Code: codes.InvalidArgument, Text: "the body is empty: no pickle can be"}
	}
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

// bodyOfArgument is body for what Python hands to a Go function: bytes, or a pair of them and tensors.
func (w *Worker) bodyOfArgument(ctx context.Context, argument any) (agent.Body, error) {
	if data, ok := argument.([]byte); ok {
		return agent.Bytes(data), nil
	}
	pair, ok := argument.(pybridge.Tuple)
	if !ok || len(pair) != 2 {
		return nil, errors.New("pyworker: Python gave neither bytes nor (bytes, tensors)")
	}
	data, ok := pair[0].([]byte)
	if !ok {
		return nil, errors.New("pyworker: Python gave no bytes")
	}
	p, err := payloadOf(data, pair[1])
	if err != nil {
		return nil, err
	}
	return w.body(ctx, p)
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
