// Libgopyrpc is the Go side of the Python package gopyrpc for programs that Python runs: a shared library beside the
// package's files, which gopyrpc.init_rpc loads (python/gopyrpc/_rpc/library.py). Python is the host: its main thread, signals,
// forks and end are its own.
//
//	go build -buildmode=c-shared -o python/gopyrpc/libgopyrpc.so ./cmd/libgopyrpc
package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"

	"github.com/gopyrpc/gopyrpc/agent"
	"github.com/gopyrpc/gopyrpc/agent/pyworker"
	"github.com/gopyrpc/gopyrpc/cleanup"
	"github.com/gopyrpc/gopyrpc/internal/cpython/exports"
	"github.com/gopyrpc/gopyrpc/pybridge"
	"github.com/gopyrpc/gopyrpc/python"
)

func main() {} // a shared library has a main that nothing calls

func init() { exports.Serve(&library{}) }

type library struct {
	mu sync.Mutex
	// guarded by mu
	started  bool
	ballast  []byte // never touched, and so no memory: see the command's main
	provided *pyworker.Provided
}

func (l *library) Version() string { return python.Version() }

// Start attaches to the Python that has loaded the library, and lets it start agents. Again it does nothing.
func (l *library) Start(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.started {
		return nil
	}
	rt, err := pybridge.Start(ctx)
	if err != nil {
		return err
	}
	if l.provided, err = pyworker.ProvideAs(ctx, rt, configure); err != nil {
		return err
	}
	l.started, l.ballast = true, make([]byte, 16<<20)
	return nil
}

// Leave shuts the agent down that a program left running at its end.
func (l *library) Leave(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.started {
		return nil
	}
	return l.provided.Shutdown(ctx)
}

// reportVariable has each agent print what became of it when it leaves: gopyrpc run --report.
const reportVariable = "GOPYRPC_REPORT"

// adjust changes each agent's config in a build for tests. The library that is shipped has none: see faults.go.
var adjust func(*agent.Config) error

// configure makes an agent's config of what the program and its environment say.
func configure(ctx context.Context, said pyworker.Asked) (pyworker.Config, error) {
	config, err := pyworker.FromEnvironment(ctx, said)
	if os.Getenv(reportVariable) != "" {
		config.Left = printReport
	}
	if adjust != nil && err == nil {
		err = adjust(&config.Config)
	}
	return config, err
}

func printReport(name string, r cleanup.Report) {
	fmt.Printf("join of agent %s\n  %s\n", name, strings.ReplaceAll(strings.TrimRight(r.String(), "\n"), "\n", "\n  "))
}
