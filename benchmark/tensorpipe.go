package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
)

// rpcPair is what both sides run.
//
//go:embed rpc_pair.py
var rpcPair string

// vsTensorPipe compares a figure of rpc_pair.py between two workers of ours with torch's, in turns.
func vsTensorPipe(figure string) func(context.Context, *Setup) ([]float64, error) {
	return func(ctx context.Context, s *Setup) (samples []float64, err error) {
		if !hasTorchRPC(ctx, s.Python) {
			return nil, &skipError{noTorchRPC}
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
		torch, err := startGroup(ctx, 2, s.Python, script, "torch.distributed.rpc", figure)
		if err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, torch.end()) }()
		own, err := startGroup(ctx, 2, gopyrpc, "--python", s.Python, "run", script, "gopyrpc", figure)
		if err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, own.end()) }()
		for range s.Rounds {
			var ours, theirs float64
			if err := own.ask("round", &ours); err != nil {
				return nil, fmt.Errorf("gopyrpc: %w", err)
			}
			if err := torch.ask("round", &theirs); err != nil {
				return nil, fmt.Errorf("torch: %w", err)
			}
			samples = append(samples, ours/theirs)
		}
		return samples, nil
	}
}
