package discover

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"slices"
)

// All returns the usable interpreters of this machine, oldest version first: one for each minor version,
// and beside it the distribution's own (prefix /usr) where that is another. Those named in
// GOPYRPC_TEST_PYTHONS (paths, separated by colons) are all there. It is what test matrices run over;
// which interpreters were passed over, and why, is told by Survey. It blocks as Survey does.
func All(ctx context.Context) []Interpreter {
	found, _ := Survey(ctx, Options{})
	return found
}

// Survey looks for interpreters in GOPYRPC_TEST_PYTHONS, on PATH, in /usr/bin and /usr/local/bin, and among
// pyenv's versions ($PYENV_ROOT or ~/.pyenv). It returns those that All describes, and one error, of a kind
// that Find gives, for each one that cannot be used. Only opt.Getenv counts.
//
// Scripts in front of Python (pyenv's shims) are run only if they are the python3 on PATH: what the others
// lead to is found anyway. Survey blocks as long as the programs that it has to ask, or until ctx ends.
func Survey(ctx context.Context, opt Options) (found []Interpreter, refused []error) {
	opt = Options{Getenv: opt.Getenv}
	keep := newSelection()
	for _, exe := range filepath.SplitList(opt.getenv("GOPYRPC_TEST_PYTHONS")) {
		found, err := survey(ctx, exe, opt)
		if err != nil {
			refused = append(refused, fmt.Errorf("GOPYRPC_TEST_PYTHONS: %w", err))
			continue
		}
		keep.add(found, true)
	}
	tried := map[string]bool{}
	for _, exe := range surveyed(opt) {
		real, err := filepath.EvalSymlinks(exe)
		if err != nil || tried[real] {
			continue
		}
		tried[real] = true
		found, err := survey(ctx, exe, opt)
		if err != nil {
			refused = append(refused, err)
			continue
		}
		keep.add(found, false)
	}
	return keep.sorted(), refused
}

func survey(ctx context.Context, exe string, opt Options) (Interpreter, error) {
	found, err := resolve(ctx, exe, opt)
	found.Source = SourceSurvey
	return found, err
}

// surveyed lists the executables to look at, the preferred ones first.
func surveyed(opt Options) []string {
	var exes []string
	if exe := lookPath("python3", opt); exe != "" {
		exes = append(exes, exe)
	}
	names := []string{"python3"}
	for minor := MinMinor; minor <= MaxMinor; minor++ {
		names = append(names, fmt.Sprintf("python3.%d", minor))
	}
	for _, dir := range append(pathDirs(opt), "/usr/bin", "/usr/local/bin") {
		for _, name := range names {
			if exe := filepath.Join(dir, name); isExecutable(exe) && !isScript(exe) {
				exes = append(exes, exe)
			}
		}
	}
	return append(exes, pyenvExecutables(opt)...)
}

// pyenvExecutables lists the interpreters that pyenv has built, newest first, so that the newest patch level
// of each minor version is the one kept.
func pyenvExecutables(opt Options) []string {
	root := opt.getenv("PYENV_ROOT")
	if root == "" {
		root = filepath.Join(opt.getenv("HOME"), ".pyenv")
	}
	exes, err := filepath.Glob(filepath.Join(escapeGlob(root), "versions", "*", "bin", "python3"))
	if err != nil {
		return nil
	}
	slices.SortFunc(exes, func(a, b string) int { return -compareVersions(a, b) })
	return exes
}

// compareVersions orders paths by the numbers in them: …/3.9.18/… comes before …/3.10.2/….
func compareVersions(a, b string) int {
	return slices.Compare(numbersIn(a), numbersIn(b))
}

func numbersIn(s string) []int {
	var numbers []int
	inNumber := false
	for _, r := range s {
		digit := r >= '0' && r <= '9'
		if digit && !inNumber {
			numbers = append(numbers, 0)
		}
		if digit {
			last := &numbers[len(numbers)-1]
			*last = *last*10 + int(r-'0')
		}
		inNumber = digit
	}
	return numbers
}

// selection keeps one interpreter for each minor version and kind of installation.
type selection struct {
	libraries map[string]bool
	kinds     map[kind]bool
	list      []Interpreter
}

// kind tells the distribution's Python, patched and statically linked, from one built from source.
type kind struct {
	minor        int
	distribution bool
}

func newSelection() *selection {
	return &selection{libraries: map[string]bool{}, kinds: map[kind]bool{}}
}

// add keeps i unless its library is there already or, if it was not named by the user, its kind is.
func (s *selection) add(i Interpreter, named bool) {
	lib, err := filepath.EvalSymlinks(i.Library)
	if err != nil {
		lib = i.Library
	}
	k := kind{i.Minor, i.Prefix == "/usr"}
	if s.libraries[lib] || s.kinds[k] && !named {
		return
	}
	s.libraries[lib], s.kinds[k] = true, true
	s.list = append(s.list, i)
}

func (s *selection) sorted() []Interpreter {
	slices.SortStableFunc(s.list, func(a, b Interpreter) int { return cmp.Compare(a.Minor, b.Minor) })
	return s.list
}
