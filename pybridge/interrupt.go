package pybridge

import (
	"context"
	"errors"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/internal/cpython"
	"github.com/gopyrpc/gopyrpc/internal/interrupt"
	"github.com/gopyrpc/gopyrpc/internal/pyname"
)

// Interrupted is the class of the exception that a call gets whose context has ended. It is derived
// from BaseException, so that `except Exception` does not stop it.
const Interrupted Class = pyname.Package + ".Interrupted"

var errNotLooked = errors.New("interrupt.py: look did not give what it saw")

// interruptHooks are how calls of this interpreter are interrupted: by the functions of interrupt.py.
func (i *interpreter) interruptHooks() interrupt.Hooks {
	return interrupt.Hooks{
		Mark: func() (cpython.Ref, error) {
			t, err := gil.Assume(context.Background())
			if err != nil {
				return nil, err
			}
			result, err := i.bridge.callPart(t, interruptPart, "new_mark")
			return result, captured(t, err)
		},
		Look: func(calls []interrupt.Due) ([]interrupt.Seen, cpython.Ref, error) {
			t, err := gil.Assume(context.Background())
			if err != nil {
				return nil, nil, err
			}
			result, err := i.bridge.callPart(t, interruptPart, "look", dueList(calls))
			if err != nil {
				return nil, nil, captured(t, err)
			}
			defer func() { _ = cpython.DecRef(result) }()
			return seenOf(result, len(calls))
		},
	}
}

func dueList(calls []interrupt.Due) []any {
	list := make([]any, len(calls))
	for n, c := range calls {
		list[n] = Tuple{c.Ident, borrowed(c.Mark), c.Traps}
	}
	return list
}

// seenOf reads what look returns.
func seenOf(result cpython.Ref, calls int) ([]interrupt.Seen, cpython.Ref, error) {
	list, err := cpython.TupleItem(result, 0)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = cpython.DecRef(list) }()
	v, err := fromRef(list)
	if err != nil {
		return nil, nil, err
	}
	items, _ := v.([]any)
	if len(items) != calls {
		return nil, nil, errNotLooked
	}
	seen := make([]interrupt.Seen, calls)
	for n, item := range items {
		s, ok := item.(Tuple)
		if !ok || len(s) != 2 {
			return nil, nil, errNotLooked
		}
		seen[n].Stack, _ = s[0].(string)
		seen[n].Masked, _ = s[1].(bool)
	}
	trace, err := cpython.TupleItem(result, 1)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = cpython.DecRef(trace) }() // the bridge's module has it, too
	if trace == cpython.None() {
		trace = nil
	}
	return seen, trace, nil
}
