// Command torchgroup makes a Go program a member of a real group of torch.distributed.rpc.
// It shows torch's own agent (TensorPipe) inside this process, beside two plain python3: Go has
// a plain worker compute, and the plain workers call a Go function. Nobody notices that one
// member is no python3. It needs a Python whose PyTorch has TensorPipe.
//
//	go run ./examples/torchgroup
package main

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

//go:embed python/*.py
var python embed.FS

const size = 3 // of the group: this program, and two plain python3

func main() {
	if err := run(context.Background()); err != nil {
		log.Fatal(err)
	}
	// Output:
	// Go hears from plain1: the norm is 5
	// plain1 hears from Go: tea costs 4.5
	// plain2 hears from Go: tea costs 4.5
}

func run(ctx context.Context) (err error) {
	dir, err := os.MkdirTemp("", "torchgroup") // for files, as the plain workers read them, and where the group meets
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := os.CopyFS(dir, python); err != nil {
		return err
	}
	modules, meeting := filepath.Join(dir, "python"), filepath.Join(dir, "meeting")

	rt, err := pybridge.Start(ctx, pybridge.WithPath(modules), pybridge.WithPreload("member"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rt.Close(ctx)) }() // after torch's agent has ended

	if err := provide(ctx, rt); err != nil {
		return err
	}
	var plain []*exec.Cmd
	processes, end := context.WithCancel(ctx)
	defer end() // ends those that wait for a group that does not come about
	for rank := 1; rank < size; rank++ {
		cmd, err := startPlain(processes, rt, filepath.Join(modules, "plain.py"), rank, meeting)
		if err != nil {
			return err
		}
		plain = append(plain, cmd)
	}
	if err := take(ctx, rt, meeting); err != nil {
		return err
	}
	for _, cmd := range plain {
		err = errors.Join(err, cmd.Wait())
	}
	return err
}

// provide puts the Go function where the others find it, before the group is there.
func provide(ctx context.Context, rt *pybridge.Runtime) error {
	return gil.With(ctx, func(t gil.Token) error {
		member, err := rt.Import(t, "member")
		if err != nil {
			return err
		}
		defer member.Release()
		function, err := pybridge.NewFunc(t, ctx, "price", price)
		if err != nil {
			return err
		}
		defer function.Release() // Python has a reference of its own
		return member.SetAttr(t, "ask_go", function)
	})
}

// price is what the plain workers call.
func price(_ context.Context, args []any, _ map[string]any) (any, error) {
	if len(args) == 1 && args[0] == "tea" {
		return 4.5, nil
	}
	return nil, fmt.Errorf("%w: no price for %v", pybridge.KeyError, args)
}

// startPlain starts another member with the same interpreter.
func startPlain(ctx context.Context, rt *pybridge.Runtime, script string, rank int, meeting string) (*exec.Cmd, error) {
	executable, _, _ := rt.Interpreter()
	cmd := exec.CommandContext(ctx, executable, script, strconv.Itoa(rank), strconv.Itoa(size), meeting)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	return cmd, cmd.Start()
}

// take takes part in the group until all have left.
func take(ctx context.Context, rt *pybridge.Runtime, meeting string) error {
	norm, err := gil.Call(ctx, func(t gil.Token) (norm float64, err error) {
		member, err := rt.Import(t, "member")
		if err != nil {
			return 0, err
		}
		defer member.Release()
		joined, err := member.CallMethod(t, "join", "go", 0, size, meeting)
		if err != nil {
			return 0, err
		}
		joined.Release()
		result, err := member.CallMethod(t, "norm", "plain1", []float64{3, 4})
		if err != nil {
			return 0, err
		}
		defer result.Release()
		return pybridge.As[float64](t, result)
	})
	if err != nil {
		return err
	}
	fmt.Println("Go hears from plain1: the norm is", norm)
	return gil.With(ctx, func(t gil.Token) error {
		member, err := rt.Import(t, "member")
		if err != nil {
			return err
		}
		defer member.Release()
		left, err := member.CallMethod(t, "leave")
		left.Release()
		return err
	})
}
