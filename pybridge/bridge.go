package pybridge

import (
	"embed"
	"fmt"
	"io/fs"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/internal/cpython"
	"github.com/gopyrpc/gopyrpc/internal/pyname"
)

//go:embed python/*.py
var bridgeFiles embed.FS

const bridgeName = pyname.Bridge

// bridgeModule is the files of python/ in the interpreter, one namespace, held for its life.
type bridgeModule struct {
	dict  cpython.Ref
	parts [parts]bridgePart
}

// The files that run when they are first needed.
const (
	namesPart = iota // before any other
	errorsPart
	toolsPart
	interruptPart
	hostExitPart
	parts
)

// bridgePart is one file that has run or not.
type bridgePart struct {
	loaded atomic.Bool
	mu     sync.Mutex // held while loading; taken without the GIL only
}

var partFiles = [parts]string{namesPart: "names.py", errorsPart: "errors.py", toolsPart: "tools.py", interruptPart: "interrupt.py", hostExitPart: "hostexit.py"}

// bootImports are imported while starting, on the owner's thread. The first importer of threading
// becomes Python's main thread: here the owner, or the host's own (owner_attach.go). Without _signal,
// _thread.interrupt_main() crashes; signal itself would import enum.
var bootImports = []string{"threading", "_signal"}

// load makes the module. It has no more than the names of package pyname yet, which its files match by.
func (b *bridgeModule) load(t gil.Token) error {
	if err := preload(t, bootImports); err != nil {
		return err
	}
	module, err := newModule(bridgeName)
	if err != nil {
		return captured(t, err)
	}
	defer func() { _ = cpython.DecRef(module) }()
	if b.dict, err = cpython.GetAttr(module, "__dict__"); err != nil {
		return captured(t, err)
	}
	for name, value := range map[string]string{"PACKAGE": pyname.Package, "FRAMES": pyname.Frames} {
		if err := putItem(b.dict, name, value, 0); err != nil {
			return captured(t, err)
		}
	}
	bridge.Store(b)
	return nil
}

// bridge is the loaded module, for what has no Runtime at hand, such as a captured exception.
var bridge atomic.Pointer[bridgeModule]

// need makes sure that a file has run. The GIL is held. It is given up while a different goroutine runs the file, which
// needs the GIL for that.
func (b *bridgeModule) need(t gil.Token, part int) error {
	p := &b.parts[part]
	if p.loaded.Load() {
		return nil
	}
	if part != namesPart {
		if err := b.need(t, namesPart); err != nil {
			return err
		}
	}
	if err := gil.Detach(t, p.mu.Lock); err != nil {
		return err
	}
	defer p.mu.Unlock()
	if p.loaded.Load() {
		return nil
	}
	if err := b.runFile(partFiles[part]); err != nil {
		return bare(err) // describing it in full may need the very file that failed
	}
	p.loaded.Store(true)
	return nil
}

func (b *bridgeModule) runFile(name string) error {
	source, err := bridgeFiles.ReadFile("python/" + name)
	if err != nil {
		return err
	}
	return runSource(string(source), pyname.Frames+name, b.dict)
}

// get gives a new reference to a function of the module.
func (b *bridgeModule) get(name string) (cpython.Ref, error) {
	key, err := cpython.FromString(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = cpython.DecRef(key) }()
	return cpython.GetItem(b.dict, key)
}

// callPart calls a function of one of the module's files; a new reference.
func (b *bridgeModule) callPart(t gil.Token, part int, name string, args ...any) (cpython.Ref, error) {
	if err := b.need(t, part); err != nil {
		return nil, err
	}
	fn, err := b.get(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = cpython.DecRef(fn) }()
	return callRef(fn, args...)
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

// tool is call for a function of tools.py.
func (b *bridgeModule) tool(t gil.Token, name string, args ...any) (any, error) {
	if err := b.need(t, toolsPart); err != nil {
		return nil, err
	}
	return b.call(t, name, args...)
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
//   - GIL: held
//   - Thread: the token's
//   - Ref: none
//   - Blocks: no
func (r *Runtime) InstallPackage(t gil.Token, name string, files fs.FS) error {
	t.Assert()
	if r.isNone() {
		return ErrNotStarted
	}
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
	// Python code that is installed will raise exceptions: errors.py is read now, before a broken builtins could spoil it.
	if err := r.bridge.need(t, errorsPart); err != nil {
		return err
	}
	_, err = r.bridge.tool(t, "install_package", name, sources)
	return err
}

// RunMain runs source as the program __main__ (runpy.run_path), filename standing in tracebacks.
//
//   - GIL: held
//   - Thread: the token's; Python code that wants the main thread, such as signal.signal, fails
//   - Ref: none
//   - Blocks: user code
func (r *Runtime) RunMain(t gil.Token, source, filename string) error {
	t.Assert()
	if r.isNone() {
		return ErrNotStarted
	}
	if err := r.bridge.need(t, toolsPart); err != nil {
		return err
	}
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
