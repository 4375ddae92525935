package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// What the tests run on.
const (
	gopyrpc    = "gopyrpc"
	tensorpipe = "tensorpipe"
)

// The outcomes of a test.
const (
	passed  = "passed"
	failed  = "failed"
	skipped = "skipped"
)

// tests are torch's tests, and how they are run.
type tests struct {
	options
	root     string
	folders  []string // where the processes look for modules
	torch    string   // its version, as 1.13
	selected []string
}

// toFail is how long a test may take that is known to fail. Such a test may wait for what does not come.
const toFail = 15 * time.Second

// ofLaunchers matches what launchers set, and no process of a test is to take.
var ofLaunchers = regexp.MustCompile(`^(RANK|WORLD_SIZE|MASTER_ADDR|MASTER_PORT)=`)

// python is a command that runs worker.py, in a process group of its own.
func (t *tests) python(ctx context.Context, what, socket, rank string) *exec.Cmd {
	args := append([]string{filepath.Join(t.root, "scripts", "conformance", "worker.py"), what, socket, rank}, t.folders...)
	cmd := exec.CommandContext(ctx, t.options.python, args...)
	cmd.Env = slices.DeleteFunc(os.Environ(), func(variable string) bool { return ofLaunchers.MatchString(variable) })
	cmd.Env = append(cmd.Env, "PYTHONPATH="+t.packages, "PYTHONDONTWRITEBYTECODE=1", "PYTHONWARNINGS=ignore", "OMP_NUM_THREADS=1",
		"FAULTY_AGENT="+socket+".faults"+rank)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return cmd
}

// list returns the version of torch and the names of its tests.
func (t *tests) list(ctx context.Context) (version string, names []string, err error) {
	out, err := t.python(ctx, "list", "", "").Output()
	if err != nil {
		return "", nil, fmt.Errorf("%s has no tests of torch's RPC: %w", t.options.python, err)
	}
	words := strings.Fields(string(out))
	if len(words) < 2 {
		return "", nil, fmt.Errorf("%s names no tests of torch's RPC", t.options.python)
	}
	return words[0], words[1:], nil
}

// file is the table of this torch.
func (t *tests) file() string {
	return filepath.Join(t.root, "testdata", "conformance", "torch-"+t.torch+".tsv")
}

// run runs the selected tests, in several groups at once. A test that ends otherwise than the table says is run once more, in
// a new group: another test may have left something behind.
func (t *tests) run(ctx context.Context, on string, known *table) (map[string]outcome, error) {
	log := io.Discard
	if t.log != "" {
		file, err := os.OpenFile(t.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			return nil, err
		}
		defer func() { _ = file.Close() }()
		log = file
	}
	queue := make(chan string, len(t.selected))
	for _, name := range t.selected {
		queue <- name
	}
	close(queue)
	found, errs := map[string]outcome{}, make(chan error, t.groups)
	var mu sync.Mutex
	for range t.groups {
		go func() {
			errs <- t.drain(ctx, on, log, queue, known, func(name string, o outcome) {
				mu.Lock()
				defer mu.Unlock()
				found[name] = o
			})
		}()
	}
	var first error
	for range t.groups {
		if err := <-errs; err != nil && first == nil {
			first = err
		}
	}
	return found, first
}

// drain runs tests of the queue in one group after the other.
func (t *tests) drain(ctx context.Context, on string, log io.Writer, queue <-chan string, known *table, tell func(string, outcome)) (err error) {
	var g *group
	defer func() {
		if g != nil {
			g.end()
		}
	}()
	try := func(name string) (o outcome, err error) {
		if g == nil {
			if g, err = t.startGroup(ctx, on, log); err != nil {
				g = nil
				return o, err
			}
		}
		_, _ = fmt.Fprintf(log, "\n== %s on %s, %s\n", name, on, time.Now().Format(time.TimeOnly))
		limit := t.limit
		if known.outcome(on, name) == failed {
			limit = min(limit, toFail)
		}
		o, usable := g.run(name, limit)
		if !usable {
			g.end()
			g = nil
		}
		return o, nil
	}
	for name := range queue {
		o, err := try(name)
		if err == nil && o.Outcome == failed && known.outcome(on, name) != failed {
			o, err = try(name)
		}
		if err != nil {
			return err
		}
		tell(name, o)
	}
	return nil
}
