// Command tls has two workers call each other over TLS, each with a certificate of its own name.
// It shows which files a worker wants, that a callee knows its caller by the certificate, and that
// a worker with somebody else's certificate is not let in. No Python runs: bytes go in and come out.
// The certificates are made when the program runs; yours come from your own authority.
//
//	go run ./examples/tls
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"os"
	"path/filepath"

	"github.com/gopyrpc/gopyrpc/agent"
)

func main() {
	if err := run(context.Background()); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context) (err error) {
	dir, err := os.MkdirTemp("", "certificates")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := writeCertificates(dir, "alice", "bob", "mallory"); err != nil {
		return err
	}

	// In a real group each worker is a process of its own, which has its own two files and the authority's.
	listeners, err := listen(2)
	if err != nil {
		return err
	}
	group := []agent.Worker{
		{Name: "alice", Rank: 0, Address: listeners[0].Addr().String()},
		{Name: "bob", Rank: 1, Address: listeners[1].Addr().String()},
	}
	alice, err := serve(agent.Config{Name: "alice", Rank: 0, Peers: group, TLS: files(dir, "alice"), Listener: listeners[0]})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, alice.close(ctx)) }()
	bob, err := serve(agent.Config{Name: "bob", Rank: 1, Peers: group, TLS: files(dir, "bob"), Listener: listeners[1]})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, bob.close(ctx)) }()

	for _, call := range []struct {
		from worker
		to   string
	}{{alice, "bob"}, {bob, "alice"}} {
		reply, err := call.from.Call(ctx, call.to, agent.Request{Body: agent.Bytes([]byte("good morning"))})
		if err != nil {
			return err
		}
		fmt.Printf("%s says: %s\n", call.to, reply.Body.Bytes())
	}

	// Mallory says that he is bob. His certificate is of the same authority, but has his own name.
	mallory, err := serve(agent.Config{Name: "bob", Rank: 1, Peers: group, TLS: files(dir, "mallory")})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, mallory.close(ctx)) }()
	_, err = mallory.Call(ctx, "alice", agent.Request{Body: agent.Bytes([]byte("it is me, bob"))})
	if err == nil {
		return errors.New("alice takes mallory for bob")
	}
	fmt.Println("mallory hears:", err)
	return nil
	// Output:
	// bob says: good morning, alice (CN=alice)
	// alice says: good morning, bob (CN=bob)
	// mallory hears: agent: PermissionDenied: worker alice: the certificate is for mallory, not for worker bob: give that worker one of its own name
}

// listen opens listeners on ports of the system's choice.
func listen(n int) (listeners []net.Listener, err error) {
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		listeners = append(listeners, l)
	}
	return listeners, nil
}

// worker is an agent that serves.
type worker struct {
	*agent.Agent
	served chan error
}

func serve(config agent.Config) (worker, error) {
	config.Executor = agent.ExecutorFunc(greet)
	a, err := agent.New(config)
	if err != nil {
		return worker{}, err
	}
	w := worker{a, make(chan error, 1)}
	go func() { w.served <- a.Serve() }()
	return w, nil
}

func (w worker) close(ctx context.Context) error {
	_, err := w.Shutdown(ctx)
	return errors.Join(err, <-w.served)
}

// greet is what these workers do. The caller has proved its name before.
func greet(ctx context.Context, request agent.Request) (agent.Reply, error) {
	caller, ok := agent.PeerFrom(ctx)
	if !ok {
		return agent.Reply{}, errors.New("nobody has called")
	}
	text := fmt.Sprintf("%s, %s (%s)", request.Body.Bytes(), caller.Name, caller.Identity)
	return agent.Reply{Body: agent.Bytes([]byte(text))}, nil
}

// files are a worker's.
func files(dir, name string) *agent.TLS {
	return &agent.TLS{
		Cert: filepath.Join(dir, name+".pem"), Key: filepath.Join(dir, name+".key"),
		CA: filepath.Join(dir, "ca.pem"),
	}
}
