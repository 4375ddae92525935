package pybridge

import (
	_ "embed"
	"fmt"
	"io/fs"
	"strings"

	"github.com/pyrpc/pyrpc/gil"
	"github.com/pyrpc/pyrpc/internal/cpython"
)

//go:embed python/bridge.py
var bridgeSource string

const (
	bridgeName = "_pyrpc_bridge"
	bridgeFile = "<pyrpc>/bridge.py"
)

// bridgeModule is python/bridge.py in the interpreter, held for the interpreter's life.
type bridgeModule struct{ dict cpython.Ref }

// load runs the module's source. It uses the C-API's own imports only: nothing of ours is there yet.
func (b *bridgeModule) load(t gil.Token) error {
	module, err := newModule(bridgeName)
	if err != nil {
		return captured(t, err)
	}
	defer func() { _ = cpython.DecRef(module) }()
	if b.dict, err = cpython.GetAttr(module, "__dict__"); err != nil {
		return captured(t, err)
	}
	if err := runSource(bridgeSource, bridgeFile, b.dict); err != nil {
		return captured(t, err)
	}
	describe.Store(b.held("describe"))
	makeGoError.Store(b.held("make_go_error"))
	return nil
}

// held is a function of the module with a reference of its own that is never released.
func (b *bridgeModule) held(name string) *entry {
	fn, err := b.get(name)
	if err != nil {
		return nil
	}
	return &entry{ref: fn, label: name}
}

func (b *bridgeModule) get(name string) (cpython.Ref, error) {
	key, err := cpython.FromString(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = cpython.DecRef(key) }()
	return cpython.GetItem(b.dict, key)
}

// call runs one of the module's functions.
func (b *bridgeModule) call(t gil.Token, name string, args ...any) (any, error) {
	fn, err := b.get(name)
	if err != nil {
		return nil, captured(t, err)
	}
	defer func() { _ = cpython.DecRef(fn) }()
	result, err := callRef(fn, args...)
	if err != nil {
		return nil, captured(t, err)
	}
	defer func() { _ = cpython.DecRef(result) }()
	v, err := fromRef(result)
	return v, captured(t, err)
}

// newModule makes an empty module and puts it into sys.modules.
func newModule(name string) (cpython.Ref, error) {
	sys, err := cpython.Import("sys")
	if err != nil {
		return nil, err
	}
	defer func() { _ = cpython.DecRef(sys) }()
	class, err := cpython.Type(sys)
	if err != nil {
		return nil, err
	}
	defer func() { _ = cpython.DecRef(class) }()
	module, err := callRef(class, name)
	if err != nil {
		return nil, err
	}
	modules, err := cpython.GetAttr(sys, "modules")
	if err != nil {
		return nil, err
	}
	defer func() { _ = cpython.DecRef(modules) }()
	return module, putItem(modules, name, borrowed(module), 0)
}

// runSource is exec(compile(source, file, "exec"), dict).
func runSource(source, file string, dict cpython.Ref) error {
	builtins, err := cpython.Import("builtins")
	if err != nil {
		return err
	}
	defer func() { _ = cpython.DecRef(builtins) }()
	code, err := callNamed(builtins, "compile", source, file, "exec")
	if err != nil {
		return err
	}
	defer func() { _ = cpython.DecRef(code) }()
	result, err := callNamed(builtins, "exec", borrowed(code), borrowed(dict))
	if err != nil {
		return err
	}
	return cpython.DecRef(result)
}

func callNamed(o cpython.Ref, name string, args ...any) (cpython.Ref, error) {
	fn, err := cpython.GetAttr(o, name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = cpython.DecRef(fn) }()
	return callRef(fn, args...)
}

// InstallPackage makes the Python sources below files importable as the package name, ahead of
// anything on sys.path and without touching the disk. Tracebacks show their lines.
//
// GIL: held
// Thread: the token's
// Ref: none
// Blocks: no
func (r *Runtime) InstallPackage(t gil.Token, name string, files fs.FS) error {
	sources := Dict{}
	err := fs.WalkDir(files, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".py") {
			return err
		}
		source, err := fs.ReadFile(files, path)
		sources = append(sources, DictItem{path, string(source)})
		return err
	})
	if err != nil {
		return fmt.Errorf("package %s: %w", name, err)
	}
	_, err = r.bridge.call(t, "install_package", name, sources)
	return err
}

// RunMain runs source as the program __main__ (runpy.run_path), filename standing in tracebacks.
//
// GIL: held
// Thread: the token's; Python code that wants the main thread, such as signal.signal, fails
// Ref: none
// Blocks: user code
func (r *Runtime) RunMain(t gil.Token, source, filename string) error {
	fn, err := r.bridge.get("exec_main")
	if err != nil {
		return captured(t, err)
	}
	defer func() { _ = cpython.DecRef(fn) }()
	module, err := callRef(fn, source, filename)
	if err != nil {
		return captured(t, err)
	}
	return cpython.DecRef(module)
}
