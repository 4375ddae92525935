package pybridge

import (
	"github.com/pyrpc/pyrpc/gil"
	"github.com/pyrpc/pyrpc/internal/cpython"
)

// Interrupted is the class of the exception that a call gets whose context has ended. It is derived
// from BaseException, so that `except Exception` does not stop it.
const Interrupted Class = "pyrpc.Interrupted"

const interruptedDoc = "The Go caller's context has ended: nobody waits for this call any more."

// interrupter is how package gil interrupts calls of this interpreter.
func (i *interpreter) interrupter() gil.Interrupter {
	var class cpython.Ref // made by the first interruption; guarded by the GIL
	return gil.Interrupter{
		Class: func(t gil.Token) (cpython.Ref, error) {
			if class != nil {
				return class, nil
			}
			made, err := newInterrupted()
			if err != nil {
				return nil, captured(t, err)
			}
			class = made
			return class, nil
		},
		Stack: func(t gil.Token, ident uint64) string {
			stack, err := i.bridge.tool(t, "stack_of", ident)
			if err != nil {
				return ""
			}
			return asText(stack)
		},
	}
}

func newInterrupted() (cpython.Ref, error) {
	builtins, err := cpython.Import("builtins")
	if err != nil {
		return nil, err
	}
	defer func() { _ = cpython.DecRef(builtins) }()
	base, err := cpython.GetAttr(builtins, "BaseException")
	if err != nil {
		return nil, err
	}
	defer func() { _ = cpython.DecRef(base) }()
	return cpython.NewException(string(Interrupted), interruptedDoc, base)
}
