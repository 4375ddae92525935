package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/internal/cpython/discover"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// startFaults are starts that cannot succeed, and starts that must succeed in spite of their surroundings.
func startFaults() []fault {
	const (
		says  = "ErrFailed that says so; every later call ErrFailed; the process goes on"
		again = "ErrNoPython that says so; then a Start that names another works"
	)
	return []fault{
		{name: "start-no-python", injected: "WithPython names no file", must: again,
			do: func(p *probe) { p.notFound("/nonexistent/python3", pybridge.WithPython("/nonexistent/python3")) }},
		{name: "start-no-library", injected: "WithLibrary names a file that is no library", must: again,
			do: func(p *probe) {
				file := filepath.Join(p.folder(), "libpython3.so")
				p.must(os.WriteFile(file, []byte("no library"), 0o600))
				p.notFound("libpython3.so", pybridge.WithLibrary(file))
			}},
		{name: "start-other-minor", injected: "the interpreter of one version and the library of another", must: again, do: otherMinor},
		{name: "start-lying-library", injected: "the library of one version under another's name", must: says, do: lyingLibrary},
		{name: "start-bad-home", injected: "WithHome names an empty folder", must: says,
			do: func(p *probe) { p.failedStart("did not initialise", pybridge.WithHome(p.folder())) }},
		{name: "start-corrupt-stdlib", injected: "a standard library whose encodings package raises", must: says,
			do: func(p *probe) { p.failedStart("did not initialise", pybridge.WithHome(p.corruptLibrary())) }},
		{name: "start-preload-missing", injected: "a preload that does not exist", must: says,
			do: func(p *probe) {
				p.failedStart("No module named 'is_not_there'", pybridge.WithPreload("is_not_there"))
			}},
		{name: "start-preload-exits", injected: "a preload that calls sys.exit(3)", must: says,
			do: func(p *probe) { p.failedPreload("import sys\nsys.exit(3)\n", "SystemExit: 3") }},
		{name: "start-preload-hostile", injected: "a preload that raises what has no text", must: says,
			do: func(p *probe) {
				p.failedPreload("class E(Exception):\n    def __str__(self): raise self\n    __repr__ = __str__\nraise E\n", "preload hostile")
			}},
		{name: "start-preload-syntax", injected: "a preload with a syntax error", must: says,
			do: func(p *probe) { p.failedPreload("def (:\n", "SyntaxError") }},
		{name: "start-broken-site", injected: "a virtual environment whose sitecustomize and .pth file raise",
			must: "Python starts, as python3 does, and says so on stderr", stderr: []string{"broken site"},
			do: func(p *probe) {
				python := p.brokenSite()
				rt, err := pybridge.Start(background, pybridge.WithPython(python))
				p.must(err)
				p.checkIs(enter(), nil, "a call")
				p.checkIs(rt.Close(background), nil, "Close")
				p.did("started, stderr told")
			}},
		{name: "start-hostile-environment", injected: "LC_ALL=C, wrong PYTHONHOME, planted json.py on PYTHONPATH, PYTHONSTARTUP",
			must: "none of it is used; UTF-8 mode",
			env:  []string{"LC_ALL=C", "PYTHONHOME=/nonexistent", "PYTHONPATH=" + os.TempDir(), "PYTHONSTARTUP=/nonexistent", "PYTHONINSPECT=1", "PYTHONFAULTHANDLER=1"},
			do:   hostileEnvironment},
		{name: "start-eight-at-once", injected: "8 goroutines start at once", must: "one interpreter, 8 handles, closed with the last",
			do: startEight},
		{name: "start-after-close", injected: "Start after Close", must: "ErrClosed",
			do: func(p *probe) {
				rt, err := pybridge.Start(background)
				p.must(err)
				p.checkIs(rt.Close(background), nil, "Close")
				_, err = pybridge.Start(background)
				p.checkIs(err, pybridge.ErrClosed, "Start")
				p.checkIs(rt.Preload(background, "json"), pybridge.ErrClosed, "Preload")
				p.checkIs(rt.Close(background), nil, "Close again")
				p.did("%v", err)
			}},
		{name: "start-never", injected: "calls without a start", must: "ErrNotStarted, ErrNotHeld",
			do: func(p *probe) {
				err := enter()
				p.checkIs(err, pybridge.ErrNotStarted, "With")
				_, err = pybridge.ToPython(gil.Token{}, 1)
				p.checkIs(err, pybridge.ErrNotHeld, "ToPython")
				_, err = gil.Assume(background)
				p.checkIs(err, pybridge.ErrNotHeld, "Assume")
				p.did("%v", err)
			}},
		{name: "start-other-options", injected: "a second Start with other options", must: "ErrAlreadyStarted, the first unharmed",
			do: func(p *probe) {
				w := start(p)
				_, err := pybridge.Start(background, pybridge.WithPermits(3))
				p.checkIs(err, pybridge.ErrAlreadyStarted, "Start")
				w.works(w.innocent())
				w.close()
				p.did("%v", err)
			}},
	}
}

// folder makes a temporary folder.
func (p *probe) folder() string {
	dir, err := os.MkdirTemp("", "faults")
	p.must(err)
	return dir
}

// failedStart starts from several goroutines at once. All must fail for the reason, and go on to fail.
func (p *probe) failedStart(reason string, opts ...pybridge.Option) {
	errs := make([]error, 4)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() { _, errs[i] = pybridge.Start(background, opts...) })
	}
	wg.Wait()
	for _, err := range errs {
		p.checkIs(err, pybridge.ErrFailed, "Start")
		p.check(strings.Contains(fmt.Sprint(err), reason), "Start does not say %q: %v", reason, err)
	}
	_, err := pybridge.Start(background, opts...)
	p.checkIs(err, pybridge.ErrFailed, "Start again")
	p.checkIs(enter(), pybridge.ErrFailed, "a call")
	p.check(!gil.Held(), "the GIL is held")
	p.did("%v", errs[0])
}

// notFound starts where there is no Python, and then where there is a Python.
func (p *probe) notFound(reason string, opts ...pybridge.Option) {
	_, err := pybridge.Start(background, opts...)
	p.checkIs(err, pybridge.ErrNoPython, "Start")
	p.check(strings.Contains(fmt.Sprint(err), reason), "Start does not say %q: %v", reason, err)
	p.checkIs(enter(), pybridge.ErrNotStarted, "a call")
	w := start(p)
	w.works(w.innocent())
	w.close()
	p.did("%v", err)
}

func (p *probe) failedPreload(source, reason string) {
	dir := p.folder()
	p.must(os.WriteFile(filepath.Join(dir, "hostile.py"), []byte(source), 0o600))
	p.failedStart(reason, pybridge.WithPath(dir), pybridge.WithPreload("hostile"))
}

func (p *probe) find() discover.Interpreter {
	python, err := discover.Find(background, discover.Options{})
	p.must(err)
	return python
}

// corruptLibrary is a prefix whose encodings cannot be imported.
func (p *probe) corruptLibrary() string {
	home := p.folder()
	dir := filepath.Join(home, "lib", fmt.Sprintf("python3.%d", p.find().Minor), "encodings")
	p.must(os.MkdirAll(dir, 0o700))
	p.must(os.WriteFile(filepath.Join(dir, "__init__.py"), []byte("raise RuntimeError('corrupt')\n"), 0o600))
	return home
}

// brokenSite is the python of a virtual environment whose start raises.
func (p *probe) brokenSite() string {
	python, home := p.find(), p.folder()
	site := filepath.Join(home, "lib", fmt.Sprintf("python3.%d", python.Minor), "site-packages")
	p.must(os.MkdirAll(site, 0o700))
	p.must(os.MkdirAll(filepath.Join(home, "bin"), 0o700))
	real, err := filepath.EvalSymlinks(python.Executable)
	p.must(err)
	p.must(os.WriteFile(filepath.Join(home, "pyvenv.cfg"), []byte("home = "+filepath.Dir(real)+"\n"), 0o600))
	const raises = "raise RuntimeError('broken site')\n"
	p.must(os.WriteFile(filepath.Join(site, "sitecustomize.py"), []byte(raises), 0o600)) // Debian's own comes first
	p.must(os.WriteFile(filepath.Join(site, "broken_site.py"), []byte(raises), 0o600))
	p.must(os.WriteFile(filepath.Join(site, "broken.pth"), []byte("import broken_site\n"), 0o600))
	exe := filepath.Join(home, "bin", "python3")
	p.must(os.Symlink(real, exe))
	return exe
}

func hostileEnvironment(p *probe) {
	planted := filepath.Join(os.TempDir(), "planted_by_faults.py")
	p.must(os.WriteFile(planted, []byte("raise RuntimeError('planted')\n"), 0o600))
	defer func() { _ = os.Remove(planted) }()
	w := start(p)
	err := w.statements(`
import sys, json
assert sys.flags.utf8_mode == 1 and sys.getfilesystemencoding() == "utf-8", "no UTF-8 mode"
assert not sys.flags.inspect and sys.flags.isolated
try:
    import planted_by_faults
except ModuleNotFoundError:
    pass
`)
	p.check(err == nil, "%v", err)
	w.works(w.innocent())
	w.close()
	p.did("nothing of it was used")
}

func startEight(p *probe) {
	runtimes := make([]*pybridge.Runtime, 8)
	var wg sync.WaitGroup
	for i := range runtimes {
		wg.Go(func() {
			rt, err := pybridge.Start(background)
			p.must(err)
			runtimes[i] = rt
		})
	}
	wg.Wait()
	for _, rt := range runtimes {
		p.checkIs(enter(), nil, "a call before the last Close")
		p.checkIs(rt.Close(background), nil, "Close")
	}
	p.checkIs(enter(), pybridge.ErrClosed, "a call after the last Close")
	ended, cancel := context.WithCancel(background)
	cancel()
	_, err := pybridge.Start(ended)
	p.check(errors.Is(err, pybridge.ErrClosed), "Start with an ended context: %v", err)
	p.did("one interpreter")
}
