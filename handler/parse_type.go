package handler

import (
	"context"
	"errors"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// ErrUnknownClass is a name that is no type, and no class or interface of the compilation unit.
var ErrUnknownClass = errors.New("no class or interface of this name in the compilation unit")

// ParseType makes a type of an annotation as torch writes it into messages
// (PythonRpcHandler::parseTypeFromStr): Tensor, Dict[str, List[int]], PyObject, a qualified class name.
// Classes and interfaces are looked up in the [Handler.CompilationUnit], all at once; a text without
// them needs no Python.
//
// GIL: acquires; must not be held
// Thread: any
// Ref: none
// Blocks: ctx
//
// Errors: a *ParseError, which is an ErrUnknownClass or an ErrNoCompilationUnit where a name stopped
// it; ErrClosed; ErrHeld.
func (h *Handler) ParseType(ctx context.Context, text string) (*Type, error) {
	gil.AssertNotHeld()
	if gil.Held() {
		return nil, gil.ErrHeld
	}
	if err := h.enter(); err != nil {
		return nil, err
	}
	defer h.calls.leave()
	root, err := parseTypeExpression(text)
	if err != nil {
		return nil, err
	}
	b := typeBuilder{text: text, classes: map[string]*Type{}}
	if names := classNames(root); len(names) > 0 {
		if b.classes, b.err = h.classes(ctx, names); b.err != nil && !errors.Is(b.err, ErrNoCompilationUnit) {
			return nil, b.err
		}
	}
	t, err := b.build(root)
	switch { // what is merged, or written out, may be deeper and longer than the text
	case err != nil:
		return nil, err
	case t.depth() > maxTypeDepth:
		return nil, b.fail(root, depthExpected, root.name)
	case len(t.String()) > maxTypeText:
		return nil, b.fail(root, "a type of at most 4096 bytes", root.name)
	}
	return t, nil
}

// classes looks names up in the compilation unit; those that it does not have are left out.
func (h *Handler) classes(ctx context.Context, names []string) (classes map[string]*Type, err error) {
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
	classes = make(map[string]*Type, len(names))
	for i, kind := range kinds {
		switch {
		case kind == nil:
		case *kind == InterfaceKind.String():
			classes[names[i]] = &Type{Kind: InterfaceKind, Name: names[i]}
		default:
			classes[names[i]] = &Type{Kind: ClassKind, Name: names[i]}
		}
	}
	return classes, nil
}

// classNames are the names of the expression that are not types by themselves, each once.
func classNames(root *typeNode) (names []string) {
	seen := map[string]bool{}
	root.walk(func(n *typeNode) {
		if n.shape == nameNode && baseTypes[n.name] == nil && constructors[n.name].arity == 0 && !seen[n.name] {
			seen[n.name] = true
			names = append(names, n.name)
		}
	})
	return names
}
