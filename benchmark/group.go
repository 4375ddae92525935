package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/gopyrpc/gopyrpc/cmd/gopyrpc/launch"
)

// group is the processes of one side, of which the first measures a round when it is asked to.
type group struct {
	size     int
	workers  []*exec.Cmd
	stderr   []*strings.Builder
	requests io.WriteCloser
	answers  *bufio.Reader
	kept     int // a socket that keeps the port at which the workers meet
}

const noTorchRPC = "this Python has no PyTorch with RPC over TensorPipe"

// hasTorchRPC says whether torch's RPC agent can run: Debian's torch 2.14 is built without TensorPipe.
func hasTorchRPC(ctx context.Context, python string) bool {
	return exec.CommandContext(ctx, python, "-c", "import torch.distributed.rpc as r; r.TensorPipeRpcBackendOptions()").Run() == nil
}

// scriptFile puts a script where processes can run it.
func scriptFile(name, text string) (path string, remove func(), err error) {
	dir, err := os.MkdirTemp("", "gopyrpc-bench")
	if err != nil {
		return "", nil, err
	}
	remove = func() { _ = os.RemoveAll(dir) }
	path = filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		remove()
		return "", nil, err
	}
	return path, remove, nil
}

// startGroup runs the command once for each worker, and waits until the first one has said "ready".
func startGroup(ctx context.Context, size int, command ...string) (*group, error) {
	kept, port, err := launch.KeepPort()
	if err != nil {
		return nil, err
	}
	g := &group{size: size, kept: kept}
	for rank := range size {
		cmd := exec.CommandContext(ctx, command[0], command[1:]...)
		cmd.Env = append(os.Environ(), "RANK="+strconv.Itoa(rank), "WORLD_SIZE="+strconv.Itoa(size), "MASTER_ADDR=127.0.0.1", "MASTER_PORT="+strconv.Itoa(port),
			"USE_LIBUV=0") // Debian's torch 2.6 is built without libuv, and asks for it
		stderr := &strings.Builder{}
		cmd.Stderr = stderr
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		if rank == 0 {
			if g.requests, err = cmd.StdinPipe(); err != nil {
				return nil, err
			}
			out, err := cmd.StdoutPipe()
			if err != nil {
				return nil, err
			}
			g.answers = bufio.NewReader(out)
		}
		if err := cmd.Start(); err != nil {
			return nil, errors.Join(err, g.end())
		}
		g.workers, g.stderr = append(g.workers, cmd), append(g.stderr, stderr)
	}
	if line, err := g.answers.ReadString('\n'); line != "ready\n" {
		return nil, errors.Join(fmt.Errorf("%s did not get ready: %q, %w", command, line, err), g.end())
	}
	return g, nil
}

// ask has a round measured.
func (g *group) ask(request string, answer any) error {
	if _, err := io.WriteString(g.requests, request+"\n"); err != nil {
		return err
	}
	line, err := g.answers.ReadBytes('\n')
	if err != nil {
		return err
	}
	return json.Unmarshal(line, answer)
}

// end ends the input of the first, with which all end.
func (g *group) end() error {
	defer func() { _ = syscall.Close(g.kept) }()
	_ = g.requests.Close()
	var failed error
	for rank, cmd := range g.workers {
		if len(g.workers) < g.size {
			_ = cmd.Process.Kill() // it waits for a worker that was not started
		}
		if err := cmd.Wait(); err != nil {
			failed = errors.Join(failed, fmt.Errorf("worker %d: %w: %s", rank, err, g.stderr[rank].String()))
		}
	}
	return failed
}
