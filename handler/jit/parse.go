package jit

import "errors"

// ErrUnknownClass is a name that is no type, and no class or interface of the compilation unit.
var ErrUnknownClass = errors.New("no class or interface of this name in the compilation unit")

// A Resolver says which of the names are a class ([ClassKind]) or an interface ([InterfaceKind]). It leaves out the names
// that are neither.
type Resolver func(names []string) (map[string]Kind, error)

// Parse makes a type of an annotation as torch writes it (PythonRpcHandler::parseTypeFromStr). It calls resolve once,
// with all the names of the text that are no types by themselves, each once; not at all where there are none.
//
// The error is a *[ParseError], which is an [ErrUnknownClass] where resolve left a name out, or else what resolve
// returned.
func Parse(text string, resolve Resolver) (*Type, error) {
	root, err := parseExpression(text)
	if err != nil {
		return nil, err
	}
	b := builder{text: text}
	if names := classNames(root); len(names) > 0 {
		if b.classes, err = resolve(names); err != nil {
			return nil, err
		}
	}
	t, err := b.build(root)
	switch { // a type that is merged, or written out, may be deeper and longer than the text
	case err != nil:
		return nil, err
	case t.depth() > maxDepth:
		return nil, b.fail(root, depthExpected, root.name)
	case len(t.String()) > maxText:
		return nil, b.fail(root, "a type of at most 4096 bytes", root.name)
	}
	return t, nil
}

// classNames are the names of the expression that are not types by themselves, each once.
func classNames(root *node) (names []string) {
	seen := map[string]bool{}
	root.walk(func(n *node) {
		if n.shape == nameNode && baseTypes[n.name] == nil && constructors[n.name].arity == 0 && !seen[n.name] {
			seen[n.name] = true
			names = append(names, n.name)
		}
	})
	return names
}
