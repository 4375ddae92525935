package pybridge_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/internal/pythontest"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// blocking has functions that wait in C code for a pipe, one of them with the GIL. Before that they say so, and keep the
// GIL: with a switch interval of a minute nobody gets it, to interrupt them, before they wait.
const blocking = `
import ctypes, os, sys, types
libc = ctypes.PyDLL(None)
def waits(pipes):
    door, bell = map(int, pipes.split())
    libc.write(bell, b"x", 1)
    return os.read(door, 1)
def waits_with_gil(pipes):
    door, bell = map(int, pipes.split())
    buffer = ctypes.create_string_buffer(1)
    libc.write(bell, b"x", 1)
    libc.read(door, buffer, 1)
    return b""
sys.modules["blocking"] = types.SimpleNamespace(waits=waits, waits_with_gil=waits_with_gil)
`

// blocked is calls that wait in C until they are told to go on.
type blocked struct {
	function    *pybridge.Object
	door, open  *os.File // they wait for the one, which closing the other ends
	heard, bell *os.File // they write to the other when they are about to wait
	results     []chan error
}

func newBlocked(ctx context.Context, rt *pybridge.Runtime, name string) (b *blocked, err error) {
	b = new(blocked)
	if b.door, b.open, err = os.Pipe(); err != nil {
		return nil, err
	}
	if b.heard, b.bell, err = os.Pipe(); err != nil {
		return nil, err
	}
	if err := statements(ctx, rt, blocking); err != nil {
		return nil, err
	}
	return b, gil.With(ctx, func(tok gil.Token) error {
		module, err := rt.Import(tok, "blocking")
		if err != nil {
			return err
		}
		defer module.Release()
		b.function, err = module.Attr(tok, name)
		return err
	})
}

// begin makes one more call, and returns when it waits.
func (b *blocked) begin(ctx context.Context) (cancel func()) {
	ctx, cancel = context.WithCancel(gil.WithLabel(ctx, "blocked call"))
	result := make(chan error, 1)
	b.results = append(b.results, result)
	go func() {
		_, _, err := b.function.CallBytes(ctx, fmt.Append(nil, b.door.Fd(), " ", b.bell.Fd()), nil)
		result <- err
	}()
	_, _ = b.heard.Read(make([]byte, 1))
	return cancel
}

// end lets them all go on, and says how their callers fared.
func (b *blocked) end() {
	_ = b.open.Close()
	for _, result := range b.results {
		err := <-result
		var interrupted *gil.InterruptedError
		fmt.Println("left:", errors.As(err, &interrupted) && interrupted.Stuck)
	}
	b.function.Release()
}

// awaitLine gives the first line of the log that has the text in it.
func (l lines) awaitLine(text string) string {
	for line := range l {
		if strings.Contains(line, text) {
			return line
		}
	}
	return ""
}

func init() {
	log := make(lines, 1024)
	logger := pybridge.WithLogger(slog.New(slog.NewTextHandler(log, nil)))
	pythontest.Register("all permits stuck", running(func(ctx context.Context, rt *pybridge.Runtime) error {
		b, err := newBlocked(ctx, rt, "waits")
		if err != nil {
			return err
		}
		first := b.begin(ctx)
		second := b.begin(ctx)
		first()
		for gil.Stats().Abandoned == 0 {
			runtime.Gosched()
		}
		second() // keeps its permit, as one call may be abandoned
		third := b.begin(ctx)
		fmt.Println("stalled:", gil.Stats().Stalled != "")
		third()
		line := log.awaitLine("serves no calls")
		for _, part := range []string{"level=ERROR", "all 2 permits", "1 more", "3 × blocked call", "in waits"} {
			fmt.Println(part+":", strings.Contains(line, part))
		}
		fmt.Println("stalled:", gil.Stats().Stalled != "")
		short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
		defer cancel()
		fmt.Println("another:", gil.With(short, func(gil.Token) error { return nil }))
		b.end()
		fmt.Println("level=WARN:", strings.Contains(log.awaitLine("serves calls again"), "level=WARN"))
		fmt.Println("another:", gil.With(ctx, func(gil.Token) error { return nil }))
		fmt.Println("stalled:", gil.Stats().Stalled != "")
		return nil
	}, pybridge.WithPermits(2), pybridge.WithMaxAbandoned(1), pybridge.WithSwitchInterval(time.Minute), logger))
	pythontest.Register("stuck beside a call without a deadline", running(func(ctx context.Context, rt *pybridge.Runtime) error {
		b, err := newBlocked(ctx, rt, "waits")
		if err != nil {
			return err
		}
		b.begin(ctx)()
		b.begin(ctx)
		waiting, cancel := context.WithCancel(ctx)
		defer cancel()
		another := make(chan error, 1)
		go func() { another <- gil.With(waiting, func(gil.Token) error { return nil }) }()
		fmt.Println("1 by calls that run:", strings.Contains(log.awaitLine("serves no calls"), "1 by calls that run"))
		b.end()
		fmt.Println("another:", <-another)
		log.awaitLine("serves calls again")
		return nil
	}, pybridge.WithPermits(2), pybridge.WithMaxAbandoned(0), pybridge.WithSwitchInterval(time.Minute), logger))
	pythontest.Register("closed while stalled", script(func(ctx context.Context) error {
		rt, err := pybridge.Start(ctx, pybridge.WithPermits(1), pybridge.WithMaxAbandoned(0), pybridge.WithSwitchInterval(time.Minute), logger)
		if err != nil {
			return err
		}
		b, err := newBlocked(ctx, rt, "waits")
		if err != nil {
			return err
		}
		b.begin(ctx)()
		log.awaitLine("serves no calls")
		short, cancel := context.WithTimeout(ctx, 6*gil.Patience)
		defer cancel()
		fmt.Println("closed in time:", rt.Close(short) == nil)
		fmt.Println("stalled:", gil.Stats().Stalled != "")
		for {
			select {
			case line := <-log:
				if strings.Contains(line, "serves calls again") {
					fmt.Println(line)
				}
			default:
				return nil
			}
		}
	}))
	pythontest.Register("gil held in C", running(func(ctx context.Context, rt *pybridge.Runtime) error {
		b, err := newBlocked(ctx, rt, "waits_with_gil")
		if err != nil {
			return err
		}
		cancel := b.begin(ctx)
		cancel()
		line := log.awaitLine("serves no calls")
		for _, part := range []string{"level=ERROR", "GIL was not given up", "1 × blocked call"} {
			fmt.Println(part+":", strings.Contains(line, part))
		}
		b.end()
		log.awaitLine("serves calls again")
		fmt.Println("another:", gil.With(ctx, func(gil.Token) error { return nil }))
		return nil
	}, pybridge.WithSwitchInterval(time.Minute), logger))
}

// TestStallIsLogged, and its end, with what is in the way.
func TestStallIsLogged(t *testing.T) {
	assert.Equal(t, `stalled: false
level=ERROR: true
all 2 permits: true
1 more: true
3 × blocked call: true
in waits: true
stalled: true
another: waiting to enter python: context deadline exceeded
left: true
left: true
left: true
level=WARN: true
another: <nil>
stalled: false
`, runs(t, "all permits stuck"))
}

// TestStallBesideACallWithoutADeadlineIsLogged: no call is served, though not every call inside is known to be stuck.
func TestStallBesideACallWithoutADeadlineIsLogged(t *testing.T) {
	assert.Equal(t, "1 by calls that run: true\nleft: true\nleft: false\nanother: <nil>\n", runs(t, "stuck beside a call without a deadline"))
}

func TestStallByTheGILIsLogged(t *testing.T) {
	assert.Equal(t, `level=ERROR: true
GIL was not given up: true
1 × blocked call: true
left: true
another: <nil>
`, runs(t, "gil held in C"))
}

// TestEndOfPythonIsNotTheEndOfAStall: nobody is served any more.
func TestEndOfPythonIsNotTheEndOfAStall(t *testing.T) {
	assert.Equal(t, "closed in time: false\nstalled: true\n", runs(t, "closed while stalled"))
}
