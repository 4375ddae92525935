//go:build !pydebug

package handler_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/handler"
	"github.com/gopyrpc/gopyrpc/internal/pythontest"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// state is where a process, its Runtime and its Handler are in their lives.
type state int

const (
	unstarted state = iota
	notFound        // a Start found no interpreter
	starting
	failed // a Start failed after the interpreter had begun
	running
	shared          // the handle is closed, another is not
	handlerDraining // Cleanup waits for a call
	handlerClosed
	draining
	left // closed while calls were inside
	closed
	finalised
)

var stateNames = map[state]string{
	unstarted: "unstarted", notFound: "not found", starting: "starting", failed: "failed", running: "running",
	shared: "shared", handlerDraining: "handler draining", handlerClosed: "handler closed", draining: "draining",
	left: "left", closed: "closed", finalised: "finalised",
}

// hasInside: calls with the GIL were in progress when the state was reached.
func (s state) hasInside() bool { return s >= running && s <= left }

// gateState is what gil.Stats calls it.
func (s state) gateState() string {
	switch {
	case s == notFound:
		return "new"
	case s == unstarted:
		return "new"
	case s >= running && s <= handlerClosed:
		return "running"
	case s >= left:
		return "closed"
	}
	return stateNames[s]
}

// row is one entry point, and what it has to give in each state.
type row struct {
	name    string // package.Function or package.Type.Method; behind a space, which of several ways to call it
	outside expectation
	inside  expectation
	call    func(caller) error
}

// expectation gives the error, nil for success, that a state calls for.
type expectation func(state) error

// caller is one of the goroutines that call everything.
type caller struct {
	*world
	ctx context.Context
	t   gil.Token // the zero Token outside
}

func init() {
	for s, name := range stateNames {
		pythontest.Register("state "+name, func() int { return inState(s) })
	}
}

// TestEveryEntryInEveryState calls all that is exported, from many goroutines at once, in each state that
// the process, the Runtime and the Handler can be in: it gives the documented error, and never a panic, a
// crash or a hang.
func TestEveryEntryInEveryState(t *testing.T) {
	for _, name := range stateNames {
		t.Run(name, func(t *testing.T) {
			stdout, stderr, code := pythontest.Script(t, "state "+name, "TEST_DIR="+t.TempDir())
			want := fmt.Sprintf("%d rows as they should be\n", len(allRows()))
			assert.True(t, code == 0 && stdout == want, "%d\n%s\n%s", code, stdout, stderr)
		})
	}
}

const callersEach = 4 // with and without the GIL

// inState is the main function of a process that gets into the state, and calls.
func inState(s state) int {
	w := &world{state: s, leave: make(chan struct{}), begin: make(chan struct{})}
	w.reach()
	complaints := &complaints{}
	var outside sync.WaitGroup
	for n := range callersEach {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		if n%2 == 0 {
			ctx = context.Background() // the way of a call that cannot end is another
		}
		outside.Go(func() { callAll(caller{world: w, ctx: ctx}, rows, complaints) })
	}
	w.complaints = complaints
	close(w.begin)
	outside.Wait()
	w.called.Wait()
	if now := gil.Stats().State; now != s.gateState() {
		complaints.add("the state went on to " + now)
	}
	callAll(caller{world: w, ctx: context.Background()}, lastRows(), complaints)
	close(w.leave)
	w.others.Wait()
	w.release()
	callAll(caller{world: w, ctx: context.Background()}, closingRows(), complaints)
	w.end()
	if w.complaints.print() {
		return 1
	}
	fmt.Printf("%d rows as they should be\n", len(allRows()))
	return 0
}

// callAll calls the rows in an order of its own.
func callAll(c caller, rows []row, complaints *complaints) {
	for _, i := range rand.Perm(len(rows)) {
		r := rows[i]
		expected, where := r.outside, "outside"
		if gil.Held() {
			expected, where = r.inside, "inside"
		}
		want, got := expected(c.state), called(c, r)
		if !matches(got, want) {
			complaints.add(fmt.Sprintf("%s, %s: %v, not %v", r.name, where, got, want))
		}
	}
}

func called(c caller, r row) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %v", v)
		}
	}()
	return r.call(c)
}

func matches(got, want error) bool {
	if want == nil || got == nil {
		return got == want
	}
	if either, ok := want.(oneOf); ok {
		return matches(got, either[0]) || matches(got, either[1])
	}
	return errors.Is(got, want)
}

// oneOf is for what depends on who comes first.
type oneOf [2]error

func (o oneOf) Error() string { return fmt.Sprintf("%v, or %v", o[0], o[1]) }

type complaints struct {
	mu   sync.Mutex
	seen map[string]int
}

func (c *complaints) add(text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.seen == nil {
		c.seen = map[string]int{}
	}
	c.seen[text]++
}

func (c *complaints) print() bool {
	for text, n := range c.seen {
		fmt.Fprintf(os.Stderr, "%d times: %s\n", n, strings.TrimSpace(text))
	}
	return len(c.seen) > 0
}

// What most rows have to give.

func always(err error) expectation { return func(state) error { return err } }

var fine = always(nil)

// needsPython takes the GIL itself.
func needsPython(s state) error {
	switch {
	case s <= starting:
		return pybridge.ErrNotStarted
	case s == failed:
		return pybridge.ErrFailed
	case s >= draining:
		return pybridge.ErrClosed
	}
	return nil
}

// needsRuntime is a method of a Runtime that is nil until it has started.
func needsRuntime(s state) error {
	switch {
	case s < running:
		return pybridge.ErrNotStarted
	case s == shared || s >= draining:
		return pybridge.ErrClosed
	}
	return nil
}

// needsHandler is a method of a Handler that takes the GIL itself.
func needsHandler(s state) error {
	switch {
	case s < running:
		return handler.ErrNoHandler
	case s >= handlerDraining:
		return handler.ErrClosed
	}
	return nil
}

// handlerHeld is needsHandler with the GIL held.
func handlerHeld(s state) error {
	if s >= handlerDraining {
		return oneOf{gil.ErrHeld, handler.ErrClosed}
	}
	return gil.ErrHeld
}

// hasReferences is a method of a Handler that wants a Token; err is what comes where there are references.
func hasReferences(err error) expectation {
	return func(s state) error {
		switch {
		case s < running:
			return handler.ErrNoHandler
		case s == handlerClosed || s >= left:
			return handler.ErrClosed
		}
		return err
	}
}

// made gives none where the receiver is nil, as nothing was made of Python yet.
func made(none, otherwise error) expectation {
	return func(s state) error {
		if s < running {
			return none
		}
		return otherwise
	}
}
