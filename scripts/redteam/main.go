// Command redteam attacks a process that lets others in with an allow-list. For each attack it prints what the attack tried,
// what had to come of it, and what came of it. It exits 1 if an attack had another outcome than it had to have.
//
//	go run ./scripts/redteam                every attack
//	go run ./scripts/redteam -run 'build|frame'
//	go run ./scripts/redteam -list
//	go run ./scripts/redteam -json
//
// An attack works when one of its canaries says so: a file that was touched, a module that was imported, a value of
// the victim that changed, a secret in the reply, memory or time over a bound, the end of the process. Each attack is
// made twice: on a victim with the list, and, as a control, on a victim without a list, where its canary has to fire. So no row
// passes because its attack is broken. A row whose control cannot fire says why.
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
	if text := os.Getenv(roleVariable); text != "" {
		os.Exit(play(text))
	}
	var opt options
	flag.BoolVar(&opt.json, "json", false, "print JSON")
	flag.BoolVar(&opt.list, "list", false, "only list the attacks")
	flag.IntVar(&opt.parallel, "j", 2, "how many victims at a time")
	flag.StringVar(&opt.gopyrpc, "gopyrpc", "", "the `command` gopyrpc; attacks on agents are left out without it")
	pattern := flag.String("run", "", "only the attacks whose name matches the `pattern`")
	flag.Parse()
	var err error
	if opt.pattern, err = regexp.Compile(*pattern); err != nil || opt.parallel < 1 || flag.NArg() > 0 {
		fmt.Fprintln(os.Stderr, "redteam: usage: redteam [-json] [-list] [-j N] [-gopyrpc COMMAND] [-run PATTERN];", err)
		os.Exit(2)
	}
	os.Exit(run(context.Background(), opt, os.Stdout))
}

type options struct {
	json, list bool
	parallel   int
	gopyrpc    string
	pattern    *regexp.Regexp
}

func run(ctx context.Context, opt options, out io.Writer) int {
	var chosen []attack
	for _, a := range allAttacks() {
		if opt.pattern.MatchString(a.name) && (a.host == nil || opt.gopyrpc != "" || opt.list) {
			chosen = append(chosen, a)
		}
	}
	if len(chosen) == 0 {
		fmt.Fprintln(os.Stderr, "redteam: no attack has a name like that")
		return 2
	}
	if opt.list {
		for _, a := range chosen {
			fmt.Fprintf(out, "%-34s %s\n", a.name, a.tries)
		}
		return 0
	}
	r := &runner{options: opt}
	results, err := r.twice(ctx, chosen)
	if err != nil {
		fmt.Fprintln(os.Stderr, "redteam:", err)
		return 2
	}
	if opt.json {
		encoder := json.NewEncoder(out)
		encoder.SetEscapeHTML(false)
		encoder.SetIndent("", "  ")
		_ = encoder.Encode(results)
	} else {
		printTable(out, results)
	}
	for _, r := range results {
		if r.Verdict == differs {
			return 1
		}
	}
	return 0
}
