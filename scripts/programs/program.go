package main

import (
	"embed"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// program is a program that was written for torch's RPC.
type program struct {
	name    string
	workers int // how many processes the runner starts; 0: one, and the program starts its workers itself
	shows   string
	lacks   string // why gopyrpc cannot run it yet: the row says so, and counts as different
}

func programs() []program {
	return []program{
		{name: "batch_updates", workers: 4, shows: "async_execution: a reply that waits for the calls of others"},
		{name: "parameter_server", workers: 4, shows: "a remote value, and methods called by its RRef"},
		{name: "reinforcement", workers: 3, shows: "observers and an agent that call each other by RRefs"},
		{name: "pipeline", workers: 3, shows: "stages that are remote modules, micro-batches that are RRefs"},
		{name: "ddp", workers: 3, shows: "a process group of gloo, DistributedDataParallel and RPC at one port"},
		{name: "federated", workers: 4, shows: "futures: collect_all, then, value"},
		{name: "all_gather", workers: 3, shows: "_all_gather, _barrier and _wait_all of rpc.api"},
		{name: "dynamic_group", shows: "init_rpc without world_size: workers join and leave"},
		{name: "spawned", shows: "mp.spawn: groups of two and three, one after the other, and exceptions"},
		{name: "data_loader", workers: 2, shows: "DataLoader's processes, forked and spawned by a worker"},
	}
}

func choose(pattern *regexp.Regexp) (chosen []program) {
	for _, p := range programs() {
		if pattern.MatchString(p.name) {
			chosen = append(chosen, p)
		}
	}
	return chosen
}

var (
	//go:embed *.py
	sources embed.FS

	//go:embed testdata/*.txt
	recorded embed.FS
)

func (p program) file() string { return p.name + ".py" }

func (p program) source() (string, error) {
	text, err := sources.ReadFile(p.file())
	return string(text), err
}

// recorded is what the program printed on torch when that was recorded.
func (p program) recorded() (string, error) {
	text, err := recorded.ReadFile("testdata/" + p.name + ".txt")
	if err != nil {
		return "", fmt.Errorf("%s has no recorded result: go run ./scripts/programs -record -run %s", p.name, p.name)
	}
	return string(text), nil
}

// record writes down the result of the row's program on torch. The folder is the module's.
func record(p program, r row) error {
	c := r.cells[0]
	if c.failure != "" {
		return fmt.Errorf("%s fails on torch: %s", p.name, c.failure)
	}
	return os.WriteFile(filepath.Join("scripts", "programs", "testdata", p.name+".txt"), []byte(c.printed), 0o644)
}

const torchRPC = "torch.distributed.rpc"

var importLine = regexp.MustCompile(`(?m)^(import|from) torch\.distributed\.rpc\b`)

// moved is a source with its imports of torch's RPC replaced by imports of gopyrpc, and nothing else.
func moved(source string) (string, error) {
	if !importLine.MatchString(source) {
		return "", fmt.Errorf("the program has no line that imports %s", torchRPC)
	}
	source = importLine.ReplaceAllString(source, "$1 gopyrpc")
	if strings.Contains(source, torchRPC) {
		return "", fmt.Errorf("the program names %s outside its imports: another import does not reach that", torchRPC)
	}
	return source, nil
}
