package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os/exec"
)

// rpcPair is what both sides run.
//
//go:embed rpc_pair.py
var rpcPair string

// vsTensorPipe compares a figure of rpc_pair.py between two workers of ours with torch's, in turns.
func vsTensorPipe(figure string) func(context.Context, *Setup) ([]float64, error) {
	return func(ctx context.Context, s *Setup) ([]float64, error) {
		if !hasTorchRPC(ctx, s.Python) {
			return nil, &skipError{noTorchRPC}
		}
		return s.pairs(ctx, contender{"gopyrpc", figure, false}, contender{"torch.distributed.rpc", figure, false})
	}
}

// withTorch takes a figure of rpc_pair.py that is a ratio by itself: what futures cost where they are torch's, too.
func withTorch(figure string) func(context.Context, *Setup) ([]float64, error) {
	return func(ctx context.Context, s *Setup) (samples []float64, err error) {
		if exec.CommandContext(ctx, s.Python, "-c", "import torch").Run() != nil {
			return nil, &skipError{"this Python has no PyTorch"}
		}
		script, remove, err := scriptFile("rpc_pair.py", rpcPair)
		if err != nil {
			return nil, err
		}
		defer remove()
		gopyrpc, err := s.Command.path(ctx)
		if err != nil {
			return nil, err
		}
		g, err := startGroup(ctx, 2, gopyrpc, "--python", s.Python, "run", script, "gopyrpc", figure)
		if err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, g.end()) }()
		for range s.Rounds {
			var ratio float64
			if err := g.ask("round", &ratio); err != nil {
				return nil, err
			}
			samples = append(samples, ratio)
		}
		return samples, nil
	}
}

// vsGoHost compares a figure of rpc_pair.py between two processes of python3, which have loaded the library, with the figure
// between two Go programs that run the script in the Python inside them.
func vsGoHost(figure string) func(context.Context, *Setup) ([]float64, error) {
	return func(ctx context.Context, s *Setup) ([]float64, error) {
		return s.pairs(ctx, contender{"gopyrpc", figure, false}, contender{"gopyrpc", figure, true})
	}
}

// contender is what two workers run: a module, a figure of rpc_pair.py, and whether in a Go program.
type contender struct {
	module, figure string
	inGo           bool
}

func (of contender) command(s *Setup, gopyrpc, script string) []string {
	switch {
	case of.inGo:
		return []string{s.Self, "--python", s.Python, hostName, script, of.module, of.figure}
	case of.module == "gopyrpc":
		return []string{gopyrpc, "--python", s.Python, "run", script, of.module, of.figure}
	default:
		return []string{s.Python, script, of.module, of.figure}
	}
}

// pairs measures rpc_pair.py between two workers, of two contenders in turns, and divides.
func (s *Setup) pairs(ctx context.Context, over, under contender) (samples []float64, err error) {
	script, remove, err := scriptFile("rpc_pair.py", rpcPair)
	if err != nil {
		return nil, err
	}
	defer remove()
	gopyrpc, err := s.Command.path(ctx)
	if err != nil {
		return nil, err
	}
	contenders := [2]contender{over, under}
	var groups [2]*group
	for i, of := range contenders {
		g, err := startGroup(ctx, 2, of.command(s, gopyrpc, script)...)
		if err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, g.end()) }()
		groups[i] = g
	}
	for range s.Rounds {
		var values [2]float64
		for i, g := range groups {
			if err := g.ask("round", &values[i]); err != nil {
				return nil, fmt.Errorf("%s: %w", contenders[i].module, err)
			}
		}
		samples = append(samples, values[0]/values[1])
	}
	return samples, nil
}
