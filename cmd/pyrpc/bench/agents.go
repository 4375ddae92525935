package bench

import (
	"bufio"
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

//go:embed agents.py
var agentsProgram []byte

const torchRPC = "torch.distributed.rpc"

// agentFigure compares two workers of ours with two of torch's, each in processes of their own, which run
// the same program. The count is of calls in a round.
func agentFigure(name string, count int) func(context.Context, *Setup) ([]float64, error) {
	return func(ctx context.Context, s *Setup) ([]float64, error) {
		if err := exec.CommandContext(ctx, s.Python, "-c", "import torch.distributed.rpc").Run(); err != nil {
			return nil, &skipError{"this Python has no " + torchRPC}
		}
		dir, err := os.MkdirTemp("", "pyrpc-bench-")
		if err != nil {
			return nil, err
		}
		defer func() { _ = os.RemoveAll(dir) }()
		program := filepath.Join(dir, "agents.py")
		if err := os.WriteFile(program, agentsProgram, 0o600); err != nil {
			return nil, err
		}
		ours, err := startPair(ctx, []string{s.Self, "--python", s.Python, "run", program, "pyrpc"})
		if err != nil {
			return nil, err
		}
		defer ours.stop()
		theirs, err := startPair(ctx, []string{s.Python, program, torchRPC})
		if err != nil {
			return nil, err
		}
		defer theirs.stop()
		return ratios(s.Rounds,
			func() (time.Duration, error) { return ours.measure(name, count) },
			func() (time.Duration, error) { return theirs.measure(name, count) })
	}
}

// inverse makes a ratio of times one of rates.
func inverse(figure func(context.Context, *Setup) ([]float64, error)) func(context.Context, *Setup) ([]float64, error) {
	return func(ctx context.Context, s *Setup) ([]float64, error) {
		values, err := figure(ctx, s)
		for i := range values {
			values[i] = 1 / values[i]
		}
		return values, err
	}
}

// pair is two workers that call each other.
type pair struct {
	workers []*exec.Cmd
	said    []*bytes.Buffer
	in      io.WriteCloser
	out     *bufio.Reader
}

func startPair(ctx context.Context, argv []string) (*pair, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	p := &pair{}
	for rank := range 2 {
		w := exec.CommandContext(ctx, argv[0], append(argv[1:len(argv):len(argv)], strconv.Itoa(rank))...)
		w.Env = append(os.Environ(), "MASTER_ADDR=127.0.0.1", "MASTER_PORT="+port)
		said := &bytes.Buffer{}
		w.Stderr = said
		if rank == 0 {
			in, err1 := w.StdinPipe()
			out, err2 := w.StdoutPipe()
			if err := errors.Join(err1, err2); err != nil {
				return nil, err
			}
			p.in, p.out = in, bufio.NewReader(out)
		}
		p.workers, p.said = append(p.workers, w), append(p.said, said)
	}
	for _, w := range p.workers {
		if err := w.Start(); err != nil {
			p.stop()
			return nil, err
		}
	}
	return p, nil
}

// measure has worker 0 measure, and gives the time of one call.
func (p *pair) measure(name string, count int) (time.Duration, error) {
	_, err := fmt.Fprintf(p.in, "%s %d\n", name, count)
	line, readErr := p.out.ReadString('\n')
	if err := errors.Join(err, readErr); err != nil {
		p.stop()
		return 0, fmt.Errorf("%s: %w\n%s%s", strings.Join(p.workers[0].Args, " "), err, p.said[0], p.said[1])
	}
	seconds, err := strconv.ParseFloat(strings.TrimSpace(line), 64)
	return time.Duration(seconds * float64(time.Second)), err
}

// stop lets the workers shut down, and does not wait for ever.
func (p *pair) stop() {
	if p.in != nil {
		_ = p.in.Close()
	}
	for _, w := range p.workers {
		if w.Process == nil {
			continue
		}
		end := time.AfterFunc(20*time.Second, func() { _ = w.Process.Kill() })
		_ = w.Wait()
		end.Stop()
	}
}

func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer func() { _ = l.Close() }()
	_, port, err := net.SplitHostPort(l.Addr().String())
	return port, err
}
