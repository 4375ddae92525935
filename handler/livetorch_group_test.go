package handler_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/handler"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// group is a process with our handlers and torch's own RPC agent, and perhaps a peer.
type group struct {
	rt    *pybridge.Runtime
	peer  *peer  // nil in a group of one
	dir   string // where agents meet, in a file for each time
	joins int

	handlers []*handler.Handler // torch's module, then ours
}

// peer is a Python of its own with torch's agent, which obeys lines.
type peer struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Scanner
}

func startPeer(ctx context.Context, rt *pybridge.Runtime) (*peer, error) {
	python, _, _ := rt.Interpreter()
	cmd := exec.CommandContext(ctx, python, "-c", "import livetorch; livetorch.peer()")
	cmd.Env = append(os.Environ(), "PYTHONPATH="+testdata())
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	return &peer{cmd, in, bufio.NewScanner(out)}, cmd.Start()
}

func (p *peer) tell(command string) error {
	_, err := fmt.Fprintln(p.in, command)
	return err
}

// done waits for the answer to the oldest command that has had none.
func (p *peer) done() error {
	if !p.out.Scan() {
		return fmt.Errorf("the peer has ended: %w", errors.Join(p.out.Err(), p.cmd.Wait()))
	}
	return nil
}

// end has the peer leave, if it has not, and end by itself.
func (p *peer) end() error { return errors.Join(p.in.Close(), p.cmd.Wait()) }

// on calls a function of livetorch.py, and converts what it returned.
func on[T any](ctx context.Context, rt *pybridge.Runtime, name string, args ...any) (v T, err error) {
	err = gil.With(ctx, func(t gil.Token) error {
		o, err := inLiveTorch(t, rt, name, args...)
		if err != nil {
			return err
		}
		defer o.Release()
		v, err = pybridge.As[T](t, o)
		return err
	})
	return v, err
}

func do(ctx context.Context, rt *pybridge.Runtime, name string, args ...any) error {
	return gil.With(ctx, func(t gil.Token) error {
		o, err := inLiveTorch(t, rt, name, args...)
		o.Release()
		return err
	})
}

func inLiveTorch(t gil.Token, rt *pybridge.Runtime, name string, args ...any) (*pybridge.Object, error) {
	module, err := rt.Import(t, "livetorch")
	if err != nil {
		return nil, err
	}
	defer module.Release()
	return module.CallMethod(t, name, args...)
}

// join makes new handlers and a new agent, which meets the peer's.
func (g *group) join(ctx context.Context) error {
	g.handlers = nil
	for _, module := range []string{handler.TorchModule, handler.OwnModule} {
		h, err := handler.New(ctx, g.rt, handler.WithModule(module))
		if err != nil {
			return err
		}
		g.handlers = append(g.handlers, h)
	}
	if err := g.rt.Preload(ctx, "livetorch"); err != nil {
		return err
	}
	g.joins++
	path := filepath.Join(g.dir, fmt.Sprint("meet", g.joins))
	if g.peer == nil {
		return do(ctx, g.rt, "join", 0, 1, path)
	}
	if err := g.peer.tell("join " + path); err != nil {
		return err
	}
	return errors.Join(do(ctx, g.rt, "join", 0, 2, path), g.peer.done())
}

// leave shuts torch's agent down; a graceful one waits for the peer to do the same.
func (g *group) leave(ctx context.Context, how string) error {
	if g.peer == nil {
		return do(ctx, g.rt, "leave", how == graceful)
	}
	if err := g.peer.tell("leave " + how); err != nil {
		return err
	}
	return errors.Join(do(ctx, g.rt, "leave", how == graceful), g.peer.done())
}

func (g *group) cleanup(ctx context.Context) error {
	var errs []error
	for _, h := range g.handlers {
		errs = append(errs, h.Cleanup(ctx))
	}
	return errors.Join(errs...)
}
