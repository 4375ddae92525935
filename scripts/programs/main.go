// Command programs runs small programs, written for torch's RPC in the manner of its tutorials, on torch's own agents and on
// gopyrpc, and compares what they print. It exits 1 if a program prints something else, or fails.
//
//	go run ./scripts/programs -package python -gopyrpc bin/gopyrpc
//	go run ./scripts/programs -package python -gopyrpc bin/gopyrpc -run 'ddp|pipeline'
//	go run ./scripts/programs -list
//	go run ./scripts/programs -package python -sides gopyrpc    against the results in testdata, without torch's agents
//	go run ./scripts/programs -record                           write those results, as torch's agents give them
//
// A program is moved to gopyrpc by its import alone: the runner replaces torch.distributed.rpc in the lines that begin with
// import or from. The third side, gopyrpc run --as-torch, runs the program as it is. All else is plain: python3 starts the
// program, once, where the program starts its workers itself, or once for each worker, with RANK and WORLD_SIZE.
//
// The interpreter is the one that gopyrpc would choose (GOPYRPC_PYTHON first); it needs torch with TensorPipe.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"strings"
	"syscall"
)

func main() {
	opt, err := parse(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "programs:", err)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	status, err := run(ctx, opt, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "programs:", err)
	}
	os.Exit(status)
}

type options struct {
	pattern      *regexp.Regexp
	sides        []*side
	folder       string // of the Python package, for PYTHONPATH
	command      string // gopyrpc
	list, record bool
	forgive      bool
}

func parse(args []string) (*options, error) {
	opt := &options{}
	flags := flag.NewFlagSet("programs", flag.ContinueOnError)
	pattern := flags.String("run", "", "only the programs whose name matches the `pattern`")
	names := flags.String("sides", "torch,gopyrpc,as-torch", "what to run the programs on: a `list`; without torch its recorded results are compared with")
	flags.StringVar(&opt.folder, "package", "", "the `folder` with the Python package and its library")
	flags.StringVar(&opt.command, "gopyrpc", "", "the `command` gopyrpc, for as-torch")
	flags.BoolVar(&opt.list, "list", false, "only list the programs")
	flags.BoolVar(&opt.record, "record", false, "write what the programs print on torch into scripts/programs/testdata")
	flags.BoolVar(&opt.forgive, "forgive", false, "exit 0 where only what gopyrpc is known to lack is different")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	if flags.NArg() > 0 {
		return nil, fmt.Errorf("what is %q? See programs -help", flags.Args())
	}
	if opt.record {
		*names = onTorch.name
	}
	var err error
	if opt.pattern, err = regexp.Compile(*pattern); err != nil {
		return nil, err
	}
	for name := range strings.SplitSeq(*names, ",") {
		s, err := sideNamed(name)
		if err != nil {
			return nil, err
		}
		opt.sides = append(opt.sides, s)
	}
	return opt, opt.check()
}

// check says which flag a side lacks.
func (opt *options) check() error {
	for _, s := range opt.sides {
		switch {
		case opt.list:
		case s == onGopyrpc && opt.folder == "":
			return fmt.Errorf("%s needs -package: the folder python, after make library", s.name)
		case s == asTorch && opt.command == "":
			return fmt.Errorf("%s needs -gopyrpc: bin/gopyrpc, after make build", s.name)
		}
	}
	return nil
}

// run returns the exit status.
func run(ctx context.Context, opt *options, out io.Writer) (int, error) {
	chosen := choose(opt.pattern)
	if len(chosen) == 0 {
		return 2, fmt.Errorf("no program has a name like %q", opt.pattern)
	}
	if opt.list {
		for _, p := range chosen {
			fmt.Fprintf(out, "%-17s %s\n", p.name, p.shows)
		}
		return 0, nil
	}
	r, err := newRunner(ctx, opt)
	if err != nil {
		return 2, err
	}
	defer r.close()
	t := newTable(out, opt.sides)
	for _, p := range chosen {
		row, err := r.row(ctx, p)
		if err != nil {
			return 2, err
		}
		if opt.record {
			err = record(p, row)
		}
		if err != nil {
			return 2, err
		}
		t.print(row)
	}
	return t.finish(opt.forgive), nil
}
