package pybridge

import (
	"errors"
	"fmt"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/internal/cpython"
)

// guardForks keeps Python code from forking, and what it or native code forks all the same from coming
// back to Go. In an interpreter that its host started, forks are the host's matter.
func (i *interpreter) guardForks(t gil.Token) error {
	if i.attached {
		return nil
	}
	cpython.FreeChildren()
	if i.config.fork {
		return nil
	}
	if err := i.refuseForks(); err != nil {
		return fmt.Errorf("forks: %w", captured(t, err))
	}
	return nil
}

func (i *interpreter) refuseForks() error {
	late, err := newLateFile("forks.py")
	if err != nil {
		return err
	}
	defer late.release()
	return errors.Join(
		late.replace(cpython.LateFork, "fork", "os", "posix"),
		late.replace(cpython.LateForkpty, "forkpty", "os", "posix"),
		i.spawnByDefault(late),
	)
}

// spawnByDefault waits on sys.meta_path for the import of multiprocessing, which most programs never do.
func (i *interpreter) spawnByDefault(late *lateFile) error {
	const module = "multiprocessing.context"
	find, err := late.function(cpython.LateFindSpec, "find_spec", module)
	if err != nil {
		return err
	}
	defer func() { _ = cpython.DecRef(find) }()
	finder, err := newNamespace()
	if err != nil {
		return err
	}
	defer func() { _ = cpython.DecRef(finder) }()
	if err := errors.Join(cpython.SetAttr(finder, "find_spec", find), late.set("finder", finder)); err != nil {
		return err
	}
	path, err := cpython.GetAttr(i.sys, "meta_path")
	if err != nil {
		return err
	}
	defer func() { _ = cpython.DecRef(path) }()
	result, err := callNamed(path, "insert", 0, borrowed(finder))
	if err != nil {
		return err
	}
	return cpython.DecRef(result)
}

// newNamespace makes a types.SimpleNamespace.
func newNamespace() (cpython.Ref, error) {
	sys, err := cpython.Import("sys")
	if err != nil {
		return nil, err
	}
	defer func() { _ = cpython.DecRef(sys) }()
	sample, err := cpython.GetAttr(sys, "implementation")
	if err != nil {
		return nil, err
	}
	defer func() { _ = cpython.DecRef(sample) }()
	class, err := cpython.Type(sample)
	if err != nil {
		return nil, err
	}
	defer func() { _ = cpython.DecRef(class) }()
	return callRef(class)
}
