// Command conformance runs torch's own tests of its RPC (torch/testing/_internal/distributed/rpc, of the torch that is
// installed) on gopyrpc and on torch's TensorPipe, in groups of four processes, and says what differs.
//
//	conformance -package FOLDER [-on gopyrpc,tensorpipe] [-run PATTERN] [-write] [-groups N]
//
// What is known is in testdata/conformance, a table for each version of torch: the outcomes on both, and the reason for
// each difference. The command compares with it, and with -write takes over what it has found.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

func main() {
	o := options{}
	var on, run string
	flag.StringVar(&o.python, "python", "python3", "`interpreter`, which has torch")
	flag.StringVar(&o.packages, "package", "python", "`folder` with the package gopyrpc and its shared library")
	flag.StringVar(&o.root, "root", ".", "`folder` of the project")
	flag.StringVar(&on, "on", gopyrpc+","+tensorpipe, "what to run the tests on")
	flag.StringVar(&run, "run", "", "run the tests whose names match the `pattern`")
	flag.IntVar(&o.groups, "groups", 2, "how many groups run at once")
	flag.DurationVar(&o.limit, "limit", time.Minute, "how long a test may take")
	flag.StringVar(&o.log, "log", "", "`file` for what the processes print")
	write := flag.Bool("write", false, "take the outcomes over into the table")
	flag.Parse()
	o.on = strings.Split(on, ",")
	var err error
	if o.pattern, err = regexp.Compile(run); err == nil {
		err = conformance(context.Background(), o, *write, os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "conformance:", err)
		os.Exit(1)
	}
}

// options are what to run, and with what.
type options struct {
	python, packages, root, log string
	on                          []string
	pattern                     *regexp.Regexp
	kinds                       []string // of the tests to run; all if there are none
	groups                      int
	limit                       time.Duration
}

// conformance runs the tests, prints what became of them, and compares with the table or rewrites it.
func conformance(ctx context.Context, o options, write bool, out io.Writer) error {
	t, err := o.prepare(ctx)
	if err != nil {
		return err
	}
	known, err := readTable(t.file())
	if err != nil {
		return err
	}
	for _, on := range o.on {
		began := time.Now()
		found, err := t.runAll(ctx, on, known)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "torch %s on %s: %d tests in %.0f s\n", t.torch, on, len(found), time.Since(began).Seconds())
		known.add(on, found)
	}
	known.print(out, o.on, t.selected)
	if write {
		return known.write(t.file())
	}
	return nil
}

// prepare asks torch which tests there are.
func (o options) prepare(ctx context.Context) (*tests, error) {
	root, err := filepath.Abs(o.root)
	if err != nil {
		return nil, err
	}
	if o.packages, err = filepath.Abs(o.packages); err != nil {
		return nil, err
	}
	t := &tests{options: o, root: root}
	if t.folders, err = needed(ctx, o.python, root); err != nil {
		return nil, err
	}
	version, names, err := t.list(ctx)
	if err != nil {
		return nil, err
	}
	t.torch = version
	for _, name := range names {
		if o.pattern.MatchString(name) && (len(o.kinds) == 0 || slices.Contains(o.kinds, kindOf(name))) {
			t.selected = append(t.selected, name)
		}
	}
	if len(t.selected) == 0 {
		return nil, fmt.Errorf("no test matches %q", o.pattern)
	}
	return t, nil
}
