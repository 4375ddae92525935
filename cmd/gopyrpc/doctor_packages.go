package main

import (
	"context"
	"path/filepath"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// installed is a package that the interpreter finds or does not. It was not imported, which takes torch seconds.
type installed struct {
	Name    string `json:"name"`
	Folder  string `json:"folder"`  // empty if it is not there
	Version string `json:"version"` // as its metadata say; empty if it has none
	Usable  bool   `json:"usable"`  // it has an extension module that is built for this Python
}

func (p installed) String() string {
	text := "in " + p.Folder
	switch {
	case p.Folder == "":
		return "not installed"
	case p.Version != "":
		text = p.Version + " " + text
	}
	if !p.Usable {
		text += " (built for another Python: cannot be imported here)"
	}
	return text
}

// knownPackages are those whose absence, or presence, explains most, with extension modules that they have in one version
// or another: a folder within the package, and the module's name.
var knownPackages = []struct {
	name       string
	extensions [][2]string
}{
	{"numpy", [][2]string{{"_core", "numpy._core._multiarray_umath"}, {"core", "numpy.core._multiarray_umath"}}},
	{"torch", [][2]string{{"", "torch._C"}}},
}

func (d *diagnosis) lookForPackages(ctx context.Context, rt *pybridge.Runtime) error {
	return gil.With(ctx, func(t gil.Token) error {
		for _, known := range knownPackages {
			p := installed{Name: known.name}
			if err := p.find(t, rt); err != nil {
				return err
			}
			for _, extension := range known.extensions {
				if p.Folder != "" && !p.Usable {
					folder := filepath.Join(p.Folder, extension[0])
					p.Usable = found(t, rt, "importlib.machinery", "PathFinder.find_spec", extension[1], []string{folder})
				}
			}
			d.Packages = append(d.Packages, p)
		}
		return nil
	})
}

// find asks for the package's place and version.
func (p *installed) find(t gil.Token, rt *pybridge.Runtime) error {
	spec, err := call(t, rt, "importlib.util", "find_spec", p.Name)
	if err != nil {
		return err
	}
	defer spec.Release()
	if there, err := spec.Truth(t); err != nil || !there {
		return err
	}
	origin, err := spec.Attr(t, "origin")
	if err != nil {
		return err
	}
	defer origin.Release()
	file, err := pybridge.As[string](t, origin)
	if err != nil {
		return nil // a folder without __init__.py that happens to have the name
	}
	p.Folder = filepath.Dir(file)
	if version, err := call(t, rt, "importlib.metadata", "version", p.Name); err == nil {
		p.Version, _ = pybridge.As[string](t, version)
		version.Release()
	}
	return nil
}

// found says whether a call gives something that is true.
func found(t gil.Token, rt *pybridge.Runtime, module, function string, args ...any) bool {
	o, err := call(t, rt, module, function, args...)
	if err != nil {
		return false
	}
	defer o.Release()
	there, err := o.Truth(t)
	return err == nil && there
}
