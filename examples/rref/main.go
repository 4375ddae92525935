// Command rref is a parameter server with two trainers, in three processes.
// It shows RRefs: the trainers ask one worker for its server object, which stays there, and call
// methods of it from afar; the owner drops the object once all have let go of it.
// The program is the server; it starts itself twice more with -join, as the trainers.
//
//	go run ./examples/rref
package main

import (
	"context"
	"embed"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"log"
	"os"
	"os/exec"
	"strconv"

	"github.com/gopyrpc/gopyrpc/agent"
	"github.com/gopyrpc/gopyrpc/agent/pyworker"
	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

//go:embed parameters/*.py
var python embed.FS

const trainers = 2

func main() {
	join := flag.String("join", "", "train with the server at this `address`")
	rank := flag.Int("rank", 0, "this worker's `number` in the group")
	flag.Parse()
	if err := run(context.Background(), *rank, *join); err != nil {
		log.Fatal(err)
	}
	// Output:
	// trainer1 has found y = 2.00 x + 1.00
	// trainer2 has found y = 2.00 x + 1.00
	// the group has ended, and no RRef is left
}

// run is one worker of the group: the one of rank 0 is the server and the coordinator.
func run(ctx context.Context, rank int, server string) (err error) {
	rt, err := pybridge.Start(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rt.Close(ctx)) }()
	if err := install(ctx, rt); err != nil {
		return err
	}
	w, err := pyworker.New(ctx, rt, pyworker.Config{Config: agent.Config{
		Name: name(rank), Rank: rank,
		Rendezvous: &agent.Rendezvous{Host: rank == 0, Address: server, WorldSize: 1 + trainers},
		Policy:     &agent.Policy{Default: []string{"parameters"}},
	}})
	if err != nil {
		return err
	}
	served := make(chan error, 1)
	go func() { served <- w.Serve() }()

	if rank == 0 {
		err = launch(ctx, w)
	} else {
		err = train(ctx, rt, w, rank)
	}
	if err != nil {
		_, down := w.Agent().Shutdown(ctx)
		err = errors.Join(err, down)
	}
	return errors.Join(err, <-served)
}

func name(rank int) string {
	if rank == 0 {
		return "server"
	}
	return "trainer" + strconv.Itoa(rank)
}

// launch starts the trainers, and serves them until all have joined.
func launch(ctx context.Context, w *pyworker.Worker) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	joining, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, trainers)
	for rank := 1; rank <= trainers; rank++ {
		trainer := exec.CommandContext(ctx, self, "-join", w.Agent().Addr().String(), "-rank", strconv.Itoa(rank))
		trainer.Stdout, trainer.Stderr = os.Stdout, os.Stderr
		if err := trainer.Start(); err != nil {
			return err
		}
		go func() {
			err := trainer.Wait()
			if err != nil {
				stop() // a trainer that has died joins no more
			}
			ended <- err
		}()
	}
	_, joined := w.Agent().Join(joining)
	for range trainers {
		joined = errors.Join(joined, <-ended)
	}
	if joined != nil {
		return joined
	}
	fmt.Println("the group has ended, and no RRef is left") // the join would have said so
	return nil
}

// train has Python train, and joins. All trainers know other points of the same line.
func train(ctx context.Context, rt *pybridge.Runtime, w *pyworker.Worker, rank int) error {
	if err := w.WaitReady(ctx); err != nil {
		return err
	}
	var points []any
	for x := float64(rank); x < 4; x += trainers {
		points = append(points, pybridge.Tuple{x, 2*x + 1})
	}
	line, err := gil.Call(ctx, func(t gil.Token) ([2]float64, error) {
		module, err := rt.Import(t, "parameters")
		if err != nil {
			return [2]float64{}, err
		}
		defer module.Release()
		line, err := module.CallMethod(t, "train", name(0), 300, points)
		if err != nil {
			return [2]float64{}, err
		}
		defer line.Release()
		return pybridge.As[[2]float64](t, line)
	})
	if err == nil {
		fmt.Printf("%s has found y = %.2f x + %.2f\n", name(rank), line[0], line[1])
	}
	_, joined := w.Agent().Join(ctx)
	return errors.Join(err, joined)
}

// install makes the embedded package importable.
func install(ctx context.Context, rt *pybridge.Runtime) error {
	files, err := fs.Sub(python, "parameters")
	if err != nil {
		return err
	}
	return gil.With(ctx, func(t gil.Token) error { return rt.InstallPackage(t, "parameters", files) })
}
