// Command faults injects faults into processes that embed Python, one process for each fault. For each fault it prints
// what was done, what had to happen, and what happened. It exits 1 if something else happened than what had to.
//
//	go run ./scripts/faults                every fault, two at a time
//	go run ./scripts/faults -run 'start|gil'
//	go run ./scripts/faults -json -list
//	go run ./scripts/faults -soak 2m       random calls for so long, in one process; figures at the end
//
// The interpreter is the one that gopyrpc would choose (GOPYRPC_PYTHON first).
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"regexp"
)

func main() {
	if name := os.Getenv(faultVariable); name != "" {
		os.Exit(inject(name))
	}
	var opt options
	flag.BoolVar(&opt.json, "json", false, "print JSON")
	flag.BoolVar(&opt.list, "list", false, "only list the faults")
	flag.IntVar(&opt.parallel, "j", 2, "how many processes at a time")
	pattern := flag.String("run", "", "only the faults whose name matches the `pattern`")
	soaking := flag.Duration("soak", 0, "make random calls for so `long` instead")
	flag.Parse()
	if *soaking > 0 {
		p := &probe{}
		soakAgents(p, *soaking/3, os.Stdout)
		soak(p, *soaking, os.Stdout)
		if p.wrong.Load() {
			os.Exit(1)
		}
		return
	}
	var err error
	if opt.pattern, err = regexp.Compile(*pattern); err != nil || opt.parallel < 1 || flag.NArg() > 0 {
		fmt.Fprintln(os.Stderr, "faults: usage: faults [-json] [-list] [-j N] [-run PATTERN];", err)
		os.Exit(2)
	}
	os.Exit(run(context.Background(), opt, os.Stdout))
}

type options struct {
	json, list bool
	parallel   int
	pattern    *regexp.Regexp
}

func run(ctx context.Context, opt options, out io.Writer) int {
	var chosen []fault
	for _, f := range allFaults() {
		if opt.pattern.MatchString(f.name) {
			chosen = append(chosen, f)
		}
	}
	if len(chosen) == 0 {
		fmt.Fprintln(os.Stderr, "faults: none has a name like that")
		return 2
	}
	var results []result
	if opt.list {
		for _, f := range chosen {
			results = append(results, result{Name: f.name, Injected: f.injected, Must: f.must})
		}
	} else {
		results = injectAll(ctx, chosen, opt.parallel)
	}
	if opt.json {
		encoder := json.NewEncoder(out)
		encoder.SetEscapeHTML(false)
		encoder.SetIndent("", "  ")
		_ = encoder.Encode(results)
	} else {
		printTable(out, results, opt.list)
	}
	for _, r := range results {
		if r.Verdict == differs {
			return 1
		}
	}
	return 0
}
