package handler

import (
	"os"
	"path/filepath"
	"slices"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// pythonPath is the variable by which a python3 finds modules.
const pythonPath = "PYTHONPATH"

// shareWithChildren is what [WithChildren] asks for. Children of subprocess look at PYTHONPATH, and those of multiprocessing,
// which get this process's sys.path, look there. In this process the carried package comes before both.
//
// The environment is Python's: os.environ has what this process had when os was imported, and what Python code has changed
// since.
func (h *Handler) shareWithChildren(t gil.Token) error {
	if h.config.children == "" {
		return nil
	}
	if err := h.appendToSysPath(t); err != nil {
		return err
	}
	module, err := h.rt.Import(t, "os")
	if err != nil {
		return err
	}
	defer module.Release()
	environ, err := module.Attr(t, "environ")
	if err != nil {
		return err
	}
	defer environ.Release()
	found, err := environ.CallMethod(t, "get", pythonPath, "")
	if err != nil {
		return err
	}
	defer found.Release()
	path, err := pybridge.As[string](t, found)
	if err != nil || slices.Contains(filepath.SplitList(path), h.config.children) {
		return err
	}
	if path != "" {
		path += string(os.PathListSeparator)
	}
	done, err := environ.CallMethod(t, "__setitem__", pythonPath, path+h.config.children)
	done.Release()
	return err
}

func (h *Handler) appendToSysPath(t gil.Token) error {
	sys, err := h.rt.Import(t, "sys")
	if err != nil {
		return err
	}
	defer sys.Release()
	path, err := sys.Attr(t, "path")
	if err != nil {
		return err
	}
	defer path.Release()
	dirs, err := pybridge.As[[]string](t, path)
	if err == nil && slices.Contains(dirs, h.config.children) {
		return nil
	}
	done, err := path.CallMethod(t, "append", h.config.children)
	done.Release()
	return err
}
