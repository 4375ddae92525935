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
		return s.pairs(ctx, [2]string{"gopyrpc", figure}, [2]string{"torch.distributed.rpc", figure})
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

// pairs measures rpc_pair.py between two workers, with two modules and figures in turns, and divides.
func (s *Setup) pairs(ctx context.Context, over, under [2]string) (samples []float64, err error) {
	script, remove, err := scriptFile("rpc_pair.py", rpcPair)
	if err != nil {
		return nil, err
	}
	defer remove()
	gopyrpc, err := s.Command.path(ctx)
	if err != nil {
		return nil, err
	}
	var groups [2]*group
	for i, side := range [][2]string{over, under} {
		command := []string{gopyrpc, "--python", s.Python, "run", script, side[0], side[1]}
		if side[0] != "gopyrpc" {
			command = []string{s.Python, script, side[0], side[1]}
		}
		g, err := startGroup(ctx, 2, command...)
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
				return nil, fmt.Errorf("%s: %w", [][2]string{over, under}[i][0], err)
			}
		}
		samples = append(samples, values[0]/values[1])
	}
	return samples, nil
}
