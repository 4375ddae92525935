package handler

import (
	"fmt"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// Payload is a pickled object: its bytes, and the tensors that the pickle refers to by their place in
// the table (torch's SerializedPyObj).
type Payload struct {
	Data    []byte
	Tensors []Tensor
}

// Release drops the tensors. A second call does nothing.
//
//   - GIL: any
//   - Thread: any
//   - Ref: consumes the tensors'
//   - Blocks: no
func (p Payload) Release() {
	for _, t := range p.Tensors {
		t.Release()
	}
}

// Tensor is a torch.Tensor that travels beside a pickle: an owned reference in this process.
type Tensor struct{ object *pybridge.Object }

// NewTensor takes over the reference of a torch.Tensor.
//
//   - GIL: not needed
//   - Thread: any
//   - Ref: consumes o
//   - Blocks: no
func NewTensor(o *pybridge.Object) Tensor { return Tensor{o} }

// Object is the tensor, still owned by the Tensor.
//
//   - GIL: not needed
//   - Thread: any
//   - Ref: borrowed
//   - Blocks: no
func (t Tensor) Object() *pybridge.Object { return t.object }

// Release drops the reference. A second call does nothing.
//
//   - GIL: any
//   - Thread: any
//   - Ref: consumes the Tensor's
//   - Blocks: no
func (t Tensor) Release() { t.object.Release() }

// table makes the Python list that deserialize indexes; nil for no tensors.
func (p Payload) table(t gil.Token) (*pybridge.Object, error) {
	if len(p.Tensors) == 0 {
		return nil, nil
	}
	return pybridge.ToPython(t, p.objects())
}

func (p Payload) objects() []any {
	objects := make([]any, len(p.Tensors))
	for i, tensor := range p.Tensors {
		objects[i] = tensor.object
	}
	return objects
}

// PayloadOf reads what the RPC module's serialize gives, (bytes, tensors).
//
//   - GIL: held
//   - Thread: the token's
//   - Ref: borrows result; the tensors' are new
//   - Blocks: no
func PayloadOf(t gil.Token, result *pybridge.Object) (Payload, error) {
	t.Assert()
	var p Payload
	data, err := result.Item(t, 0)
	if err != nil {
		return p, fmt.Errorf("serialize gave no (bytes, tensors): %w", err)
	}
	defer data.Release()
	if p.Data, err = pybridge.As[[]byte](t, data); err != nil {
		return p, fmt.Errorf("serialize gave no bytes: %w", err)
	}
	tensors, err := result.Item(t, 1)
	if err != nil {
		return p, fmt.Errorf("serialize gave no list of tensors: %w", err)
	}
	defer tensors.Release()
	if p.Tensors, err = tensorsOf(t, tensors); err != nil {
		return Payload{}, err
	}
	return p, nil
}

func tensorsOf(t gil.Token, list *pybridge.Object) (tensors []Tensor, err error) {
	err = list.Iterate(t, func(item *pybridge.Object) error {
		tensors = append(tensors, Tensor{item.Named("tensor of a payload")})
		return nil
	})
	if err != nil {
		Payload{Tensors: tensors}.Release()
		return nil, err
	}
	return tensors, nil
}
