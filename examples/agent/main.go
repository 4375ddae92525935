// Command agent serves a Python function to another process, which calls it from Go and from Python.
// It shows a worker of each kind, an allow-list (the server serves package pricing and nothing else),
// an exception that comes from the other process with its class, and how a group ends together.
// The program is the server; it starts itself once more with -join, as the client.
//
//	go run ./examples/agent
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

	"github.com/gopyrpc/gopyrpc/agent"
	"github.com/gopyrpc/gopyrpc/agent/pyworker"
	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

//go:embed pricing/*.py shop/*.py
var python embed.FS

func main() {
	join := flag.String("join", "", "be the client of the server at this `address`")
	flag.Parse()
	var err error
	if *join == "" {
		err = serve(context.Background())
	} else {
		err = call(context.Background(), *join)
	}
	if err != nil {
		log.Fatal(err)
	}
	// Output:
	// from Go: 3 × tea costs 13.5
	// from Go: LookupError: no price for gold
	// from Python: the basket costs 26.0
	// from Go: the server refuses math.hypot
	// the group has ended
}

// serve is the server: it serves until the client has left.
func serve(ctx context.Context) (err error) {
	rt, err := start(ctx, "pricing")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rt.Close(ctx)) }()
	w, err := pyworker.New(ctx, rt, pyworker.Config{Config: agent.Config{
		Name: "server", Rank: 0,
		Rendezvous: &agent.Rendezvous{Host: true, WorldSize: 2}, // on a port of the system's choice
		Policy:     &agent.Policy{Default: []string{"pricing"}},
	}})
	if err != nil {
		return err
	}
	served := make(chan error, 1)
	go func() { served <- w.Serve() }()

	self, err := os.Executable()
	if err != nil {
		return err
	}
	client := exec.CommandContext(ctx, self, "-join", w.Agent().Addr().String())
	client.Stdout, client.Stderr = os.Stdout, os.Stderr
	if err := client.Start(); err != nil {
		return err
	}
	joining, stop := context.WithCancel(ctx)
	defer stop()
	died := make(chan error, 1)
	go func() {
		err := client.Wait()
		if err != nil {
			stop() // a client that has died joins no more
		}
		died <- err
	}()
	_, joined := w.Agent().Join(joining) // serves until the client joins, too
	if joined != nil {
		_, err := w.Agent().Shutdown(ctx) // a join that failed leaves the agent open
		joined = errors.Join(joined, err)
	}
	if err := errors.Join(<-died, joined, <-served); err != nil {
		return err
	}
	fmt.Println("the group has ended")
	return nil
}

// call is the client.
func call(ctx context.Context, server string) (err error) {
	rt, err := start(ctx, "pricing", "shop")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rt.Close(ctx)) }()
	w, err := pyworker.New(ctx, rt, pyworker.Config{Config: agent.Config{
		Name: "client", Rank: 1, Rendezvous: &agent.Rendezvous{Address: server, WorldSize: 2},
	}})
	if err != nil {
		return err
	}
	served := make(chan error, 1)
	go func() { served <- w.Serve() }()
	defer func() {
		_, joined := w.Agent().Join(ctx)
		err = errors.Join(err, joined, <-served)
	}()
	if err := w.WaitReady(ctx); err != nil {
		return err
	}
	c := client{rt, w}
	if err := c.fromGo(ctx); err != nil {
		return err
	}
	return c.fromPython(ctx)
}

// start starts Python, with packages of those that the binary has.
func start(ctx context.Context, packages ...string) (*pybridge.Runtime, error) {
	rt, err := pybridge.Start(ctx)
	if err != nil {
		return nil, err
	}
	err = gil.With(ctx, func(t gil.Token) error {
		for _, name := range packages {
			files, err := fs.Sub(python, name)
			if err != nil {
				return err
			}
			if err := rt.InstallPackage(t, name, files); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, errors.Join(err, rt.Close(ctx))
	}
	return rt, nil
}
