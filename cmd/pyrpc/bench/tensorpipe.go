package bench

import (
	"bufio"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// rpcPair is what both sides run.
//
//go:embed rpc_pair.py
var rpcPair string

// pair is two processes of one side, of which the first measures a round when it is asked to.
type pair struct {
	workers []*exec.Cmd
	stderr  [2]strings.Builder
	ask     io.WriteCloser
	answers *bufio.Reader
}

// vsTensorPipe compares a figure of rpc_pair.py between two workers of ours with torch's, in turns.
func vsTensorPipe(figure string) func(context.Context, *Setup) ([]float64, error) {
	return func(ctx context.Context, s *Setup) (samples []float64, err error) {
		if err := exec.CommandContext(ctx, s.Python, "-c", "import torch.distributed.rpc as r; r.init_rpc").Run(); err != nil {
			return nil, &skipError{"this Python has no PyTorch with RPC"}
		}
		dir, err := os.MkdirTemp("", "pyrpc-bench")
		if err != nil {
			return nil, err
		}
		defer func() { _ = os.RemoveAll(dir) }()
		script := filepath.Join(dir, "rpc_pair.py")
		if err := os.WriteFile(script, []byte(rpcPair), 0o600); err != nil {
			return nil, err
		}
		torch, err := startPair(ctx, figure, s.Python, script, "torch.distributed.rpc")
		if err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, torch.end()) }()
		own, err := startPair(ctx, figure, s.Self, "--python", s.Python, "run", script, "pyrpc")
		if err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, own.end()) }()
		for range s.Rounds {
			ours, err := own.round()
			if err != nil {
				return nil, fmt.Errorf("pyrpc: %w", err)
			}
			theirs, err := torch.round()
			if err != nil {
				return nil, fmt.Errorf("torch: %w", err)
			}
			samples = append(samples, ours/theirs)
		}
		return samples, nil
	}
}

func startPair(ctx context.Context, figure string, command ...string) (*pair, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	port := strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
	_ = l.Close()
	p := &pair{}
	for rank := range 2 {
		cmd := exec.CommandContext(ctx, command[0], append(command[1:], figure)...)
		cmd.Env = append(os.Environ(), "RANK="+strconv.Itoa(rank), "WORLD_SIZE=2", "MASTER_ADDR=127.0.0.1", "MASTER_PORT="+port)
		cmd.Stderr = &p.stderr[rank]
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		if rank == 0 {
			if p.ask, err = cmd.StdinPipe(); err != nil {
				return nil, err
			}
			out, err := cmd.StdoutPipe()
			if err != nil {
				return nil, err
			}
			p.answers = bufio.NewReader(out)
		}
		if err := cmd.Start(); err != nil {
			return nil, errors.Join(err, p.end())
		}
		p.workers = append(p.workers, cmd)
	}
	if line, err := p.answers.ReadString('\n'); line != "ready\n" {
		return nil, errors.Join(fmt.Errorf("%s did not get ready: %q, %w", command, line, err), p.end())
	}
	return p, nil
}

// round is one round's figure.
func (p *pair) round() (value float64, err error) {
	if _, err := io.WriteString(p.ask, "round\n"); err != nil {
		return 0, err
	}
	line, err := p.answers.ReadBytes('\n')
	if err != nil {
		return 0, err
	}
	return value, json.Unmarshal(line, &value)
}

// end ends the input of the first, with which both end.
func (p *pair) end() error {
	_ = p.ask.Close()
	var failed error
	for rank, cmd := range p.workers {
		if len(p.workers) < 2 {
			_ = cmd.Process.Kill() // it waits for another
		}
		if err := cmd.Wait(); err != nil {
			failed = errors.Join(failed, fmt.Errorf("worker %d: %w: %s", rank, err, p.stderr[rank].String()))
		}
	}
	return failed
}
