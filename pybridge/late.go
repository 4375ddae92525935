package pybridge

import (
	"fmt"

	"github.com/gopyrpc/gopyrpc/internal/cpython"
	"github.com/gopyrpc/gopyrpc/internal/pyname"
)

// lateFile is a file of python/ that runs when one of its functions is first called, in a namespace of
// its own. For functions that stand in the place of Python's from the start and are seldom called.
type lateFile struct{ dict, eval cpython.Ref }

func newLateFile(name string) (*lateFile, error) {
	source, err := bridgeFiles.ReadFile("python/" + name)
	if err != nil {
		return nil, err
	}
	builtins, err := cpython.Import("builtins")
	if err != nil {
		return nil, err
	}
	defer func() { _ = cpython.DecRef(builtins) }()
	eval, err := cpython.GetAttr(builtins, "eval")
	if err != nil {
		return nil, err
	}
	dict, err := toRef(Dict{
		{"__builtins__", borrowed(builtins)}, {"__name__", bridgeName + "." + name},
		{"source", string(source)}, {"file", pyname.Frames + name},
	})
	if err != nil {
		_ = cpython.DecRef(eval)
		return nil, err
	}
	return &lateFile{dict, eval}, nil
}

func (f *lateFile) release() {
	_ = cpython.DecRef(f.dict)
	_ = cpython.DecRef(f.eval)
}

// set gives the file a global.
func (f *lateFile) set(name string, v cpython.Ref) error {
	return putItem(f.dict, name, borrowed(v), 0)
}

// function makes one of the file's functions. Where only is given, the function is for the calls that have it as their first
// argument.
func (f *lateFile) function(which cpython.Late, name string, only ...any) (cpython.Ref, error) {
	expression := fmt.Sprintf("globals().get(%q) or (exec(compile(source, file, 'exec')), %s)[1]", name, name)
	self, err := toRef(append(Tuple{borrowed(f.eval), Tuple{expression, borrowed(f.dict)}}, only...))
	if err != nil {
		return nil, err
	}
	defer func() { _ = cpython.DecRef(self) }()
	return cpython.NewLate(which, self)
}

// replace puts one of the file's functions into the place of that of the modules, which the file gets as
// real_NAME.
func (f *lateFile) replace(which cpython.Late, name string, modules ...string) error {
	fn, err := f.function(which, name)
	if err != nil {
		return err
	}
	defer func() { _ = cpython.DecRef(fn) }()
	for _, m := range modules {
		if err := f.replaceIn(m, name, fn); err != nil {
			return err
		}
	}
	return nil
}

func (f *lateFile) replaceIn(module, name string, fn cpython.Ref) error {
	m, err := cpython.Import(module)
	if err != nil {
		return err
	}
	defer func() { _ = cpython.DecRef(m) }()
	real, err := cpython.GetAttr(m, name)
	if err != nil {
		return err
	}
	defer func() { _ = cpython.DecRef(real) }()
	if err := f.set("real_"+name, real); err != nil {
		return err
	}
	return cpython.SetAttr(m, name, fn)
}
