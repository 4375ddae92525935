package handler

import (
	"context"
	"errors"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/handler/jit"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// ParseType makes a type of an annotation as torch writes it into messages
// (PythonRpcHandler::parseTypeFromStr): Tensor, Dict[str, List[int]], PyObject, a qualified class name.
// Classes and interfaces are looked up in the [Handler.CompilationUnit], all at once; a text without
// them needs no Python. It is [jit.Parse] with the handler's names.
//
//   - GIL: acquires; must not be held
//   - Thread: any
//   - Ref: none
//   - Blocks: ctx
//
// Errors: a *jit.ParseError, which is a jit.ErrUnknownClass or an ErrNoCompilationUnit where a name stopped
// it; ErrClosed; ErrHeld.
func (h *Handler) ParseType(ctx context.Context, text string) (*jit.Type, error) {
	gil.AssertNotHeld()
	if gil.Held() {
		return nil, gil.ErrHeld
	}
	if err := h.enter(); err != nil {
		return nil, err
	}
	defer h.calls.leave()
	var noUnit error
	t, err := jit.Parse(text, func(names []string) (map[string]jit.Kind, error) {
		classes, err := h.classes(ctx, names)
		if errors.Is(err, ErrNoCompilationUnit) {
			noUnit, err = err, nil
		}
		return classes, err
	})
	if e := (*jit.ParseError)(nil); noUnit != nil && errors.As(err, &e) && e.Err == jit.ErrUnknownClass {
		e.Err = noUnit
	}
	return t, err
}

// classes looks names up in the compilation unit; it leaves out those that the unit does not have.
func (h *Handler) classes(ctx context.Context, names []string) (classes map[string]jit.Kind, err error) {
	var kinds []*string
	err = gil.With(ctx, func(t gil.Token) error {
		list, err := h.kindsOf.Call(t, names)
		if err != nil {
			return h.lacks(err, ErrNoCompilationUnit)
		}
		defer list.Release()
		kinds, err = pybridge.As[[]*string](t, list)
		return err
	})
	if err != nil {
		return nil, err
	}
	classes = make(map[string]jit.Kind, len(names))
	for i, kind := range kinds {
		switch {
		case kind == nil:
		case *kind == jit.InterfaceKind.String():
			classes[names[i]] = jit.InterfaceKind
		default:
			classes[names[i]] = jit.ClassKind
		}
	}
	return classes, nil
}
