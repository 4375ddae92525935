package discover

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// askLimit bounds the one run of an interpreter: a program that is not Python may wait for ever.
const askLimit = 10 * time.Second

//go:embed ask.py
var askScript string

// echo is of a comment in the script. What says it complains of its arguments, as no Python does: that tells nothing of
// the program, and much of the script.
const echo = "Asked of an interpreter"

// answer is what ask.py prints.
type answer struct {
	Implementation string   `json:"implementation"`
	Major          int      `json:"major"`
	Minor          int      `json:"minor"`
	Executable     string   `json:"executable"`
	BasePrefix     string   `json:"base_prefix"`
	FreeThreaded   bool     `json:"free_threaded"`
	ABI            string   `json:"abi"`
	Mapped         []string `json:"mapped"` // libpythons mapped into that process
	Names          []string `json:"names"`  // file names that the build gave its library
	Dirs           []string `json:"dirs"`   // directories where the build installs it
}

// ask runs the executable once, isolated and without site, and identifies it by what it says of itself.
// It blocks until the program ends, ctx does, or askLimit is over.
func ask(ctx context.Context, exe string) (identity, error) {
	out, err := runScript(ctx, exe)
	if err != nil {
		return identity{}, err
	}
	a, err := parseAnswer(out)
	if err != nil {
		return identity{}, notAnInterpreter(exe, fmt.Errorf("it answered %q", shorten(out)))
	}
	if a.Executable == "" {
		a.Executable = exe
	}
	if err := a.check(exe); err != nil {
		return identity{}, err
	}
	return a.identity(), nil
}

func runScript(parent context.Context, exe string) (string, error) {
	ctx, cancel := context.WithTimeoutCause(parent, askLimit, fmt.Errorf("it did not answer within %s", askLimit))
	defer cancel()
	// -X utf8 makes the answer's paths independent of the locale; -I keeps PYTHONPATH and the current
	// directory from planting a module; -S keeps site-packages from running code.
	cmd := exec.CommandContext(ctx, exe, "-I", "-S", "-X", "utf8", "-c", askScript)
	cmd.WaitDelay = time.Second // a grandchild may hold the pipes open
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	switch {
	case err == nil:
		return stdout.String(), nil
	case parent.Err() != nil: // the caller's wish, and no fault of the program's
		return "", fmt.Errorf("asking %s what it is: %w", exe, context.Cause(parent))
	case ctx.Err() != nil:
		err = context.Cause(ctx)
	}
	if strings.Contains(stderr.String(), echo) {
		e := notAnInterpreter(exe, nil)
		e.Detail = exe + " is no python interpreter"
		return "", e
	}
	if said := shorten(stderr.String()); said != "" {
		err = fmt.Errorf("%w, saying %q", err, said)
	}
	return "", notAnInterpreter(exe, err)
}

// parseAnswer reads the last line: whatever stands in front of Python may have printed something first.
func parseAnswer(out string) (answer, error) {
	lines := strings.Split(strings.TrimSpace(out), "\n")
	var a answer
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &a); err != nil {
		return a, err
	}
	if a.Implementation == "" {
		return a, fmt.Errorf("no implementation named")
	}
	return a, nil
}

// check refuses what gopyrpc does not run with.
func (a answer) check(exe string) error {
	if a.Implementation != "cpython" {
		return &Error{Kind: ErrNotCPython, Path: exe,
			Detail: fmt.Sprintf("%s is %s, not cpython", exe, a.Implementation),
			Advice: "name a cpython with --python or GOPYRPC_PYTHON"}
	}
	return checkSupported(a.version(), exe)
}

func (a answer) version() version {
	v := version{a.Major, a.Minor, a.ABI}
	if a.FreeThreaded && !hasLetter(v.abi, 't') {
		v.abi += "t"
	}
	return v
}

// identity lists the library's places: the one that process had loaded is certain, the others are where the
// build says it installs.
func (a answer) identity() identity {
	v := a.version()
	dirs := append(a.Dirs, here.libraryDirs(a.BasePrefix)...)
	names := append(a.Names, here.libraryNames(v)...)
	candidates := append(a.Mapped, joinEach(dirs, filepath.Dir(a.Executable), names)...)
	return identity{a.Executable, v, a.BasePrefix, candidates}
}

func notAnInterpreter(exe string, err error) *Error {
	return &Error{Kind: ErrNotPython, Path: exe, Err: err,
		Detail: exe + " does not answer as a python interpreter",
		Advice: "name a cpython with --python or GOPYRPC_PYTHON"}
}

// shorten keeps a quotation readable.
func shorten(s string) string {
	const limit = 300
	if s = strings.TrimSpace(s); len(s) > limit {
		return s[:limit] + "…"
	}
	return s
}
