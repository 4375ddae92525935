package handler

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/handler/pickle"
	"github.com/gopyrpc/gopyrpc/handler/policy"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// Gate checks the payloads of restricted peers against a policy. It reads a payload in Go, and returns what Python loads
// in its place: a canonical pickle and the values beside it, for load_beside of gopyrpc._restricted.canonical. A payload that is
// refused never reaches Python. A Gate's methods may be called from any goroutine.
type Gate struct {
	policy    *policy.Policy
	makeNames *pybridge.Object

	mu sync.RWMutex
	// guarded by mu
	names  map[string]*names // by the names, joined by newlines; a large value has an empty line
	closed bool
}

// maxNames bounds for how many sequences of names a gate keeps the objects, maxNamesSize how many bytes a sequence has, and
// maxGaps how many large values are in it. The calls of a program have a few sequences of a few names, but a peer can make
// up as many as it likes, each as large as a payload.
const (
	maxNames     = 1024
	maxNamesSize = 4096
	maxGaps      = 16
)

// names is a Names of gopyrpc._restricted.canonical.
type names struct {
	object *pybridge.Object
	users  atomic.Int32 // the gate counts as one
}

// NewGate makes a gate of a policy. makeNames is a Python callable that makes the Names of a list of str, as the
// method make_names of an AllowList does.
//
//   - GIL: not needed
//   - Thread: any
//   - Ref: consumes makeNames, at the gate's Release
//   - Blocks: no
func NewGate(p *policy.Policy, makeNames *pybridge.Object) *Gate {
	return &Gate{policy: p, makeNames: makeNames, names: map[string]*names{}}
}

// Opened is a payload that a gate has let in.
type Opened struct {
	Data   []byte           // the canonical pickle
	Beside *pybridge.Object // borrowed from the gate or owned, until Release

	names *names
	owned bool
}

// Release releases the values beside the pickle. A second call does nothing.
//
//   - GIL: any
//   - Thread: any
//   - Ref: consumes the Opened's
//   - Blocks: no
func (o *Opened) Release() {
	if o.owned {
		o.Beside.Release()
	}
	if o.names != nil {
		o.names.leave()
	}
	*o = Opened{}
}

// Request checks a call (see [policy.Policy.Request]). It enters Python only for a call that is let in, and only where the
// call has new names or large bytes, which are copied once.
//
//   - GIL: acquires; must not be held
//   - Thread: any
//   - Ref: the Opened's, until its Release; it does not refer to body
//   - Blocks: ctx
//
// Errors: for errors.Is a refusal is a DeserializeError, as Python's own refusals are, and a ForbiddenGlobal where the policy
// does not list a name; errors.As finds the [*policy.Refusal] or [*pickle.Error].
func (g *Gate) Request(ctx context.Context, body [][]byte) (Opened, error) {
	return g.letIn(ctx, g.policy.Request, body)
}

// Reply checks the reply to a call (see [policy.Policy.Reply]).
//
//   - GIL: acquires; must not be held
//   - Thread: any
//   - Ref: the Opened's, until its Release; it does not refer to body
//   - Blocks: ctx
func (g *Gate) Reply(ctx context.Context, body [][]byte) (Opened, error) {
	return g.letIn(ctx, g.policy.Reply, body)
}

func (g *Gate) letIn(ctx context.Context, read func(body [][]byte) (pickle.Output, error), body [][]byte) (Opened, error) {
	gil.AssertNotHeld()
	out, err := read(body)
	if err != nil {
		return Opened{}, refused(err)
	}
	return g.open(ctx, out)
}

// open finds or makes the values beside a pickle.
func (g *Gate) open(ctx context.Context, out pickle.Output) (Opened, error) {
	var space [256]byte
	key, large := space[:0], 0
	for _, b := range out.Buffers {
		if b.Given == nil {
			large++
		} else {
			key = append(key, b.Given.Text...)
		}
		key = append(key, '\n')
	}
	n, err := g.find(ctx, key, large <= maxGaps)
	if err != nil {
		return Opened{}, err
	}
	if large == 0 {
		return Opened{Data: out.Pickle, Beside: n.object, names: n}, nil
	}
	defer n.leave()
	beside, err := made(ctx, func(t gil.Token) (*pybridge.Object, error) {
		return pybridge.ToPython(t, pybridge.Tuple{n.object, besides(out.Buffers, large)})
	})
	if err != nil {
		return Opened{}, err
	}
	return Opened{Data: out.Pickle, Beside: beside.Named("what stands beside a pickle"), owned: true}, nil
}

// made is gil.With for a function that makes an object and ends soon.
func made(ctx context.Context, f func(gil.Token) (*pybridge.Object, error)) (o *pybridge.Object, err error) {
	err = gil.With(ctx, func(t gil.Token) (err error) {
		o, err = f(t)
		return err
	})
	if err != nil {
		o.Release()
		return nil, err
	}
	return o, nil
}

// besides returns the large values, which fill the gaps of a Names.
func besides(buffers []pickle.Buffer, large int) []any {
	list := make([]any, 0, large)
	for _, b := range buffers {
		if b.Given != nil {
			continue
		}
		data := b.Data[0]
		if len(b.Data) > 1 {
			data = bytes.Join(b.Data, nil)
		}
		if b.Mutable {
			list = append(list, pybridge.ByteArray(data))
		} else {
			list = append(list, data)
		}
	}
	return list
}

// find returns the Names of a key, counted for the caller. The gate may keep it, unless it is too long.
func (g *Gate) find(ctx context.Context, key []byte, mayKeep bool) (*names, error) {
	if n := g.known(key); n != nil {
		return n, nil
	}
	list := []string{}
	for line := range strings.Lines(string(key)) {
		list = append(list, strings.TrimSuffix(line, "\n"))
	}
	object, err := made(ctx, func(t gil.Token) (*pybridge.Object, error) { return g.makeNames.Call(t, list) })
	if err != nil {
		return nil, err
	}
	n := &names{object: object.Named("names beside pickles")}
	n.users.Store(1)
	if !mayKeep || len(key) > maxNamesSize {
		return n, nil
	}
	return g.keep(string(key), n)
}

func (g *Gate) known(key []byte) *names {
	g.mu.RLock()
	defer g.mu.RUnlock()
	n := g.names[string(key)]
	if n != nil {
		n.users.Add(1)
	}
	return n
}

// keep enters Names, which the caller has counted once, into the gate.
func (g *Gate) keep(key string, n *names) (*names, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		n.leave()
		return nil, ErrClosed
	}
	if known := g.names[key]; known != nil { // another goroutine was faster
		n.leave()
		n = known
	} else {
		if len(g.names) >= maxNames {
			for other, old := range g.names { // any
				delete(g.names, other)
				old.leave()
				break
			}
		}
		g.names[key] = n
	}
	n.users.Add(1)
	return n, nil
}

func (n *names) leave() {
	if n.users.Add(-1) == 0 {
		n.object.Release()
	}
}

// Release releases the gate's objects. A payload that was let in stays good until its own Release. Afterwards the gate lets
// nothing in that needs new names.
//
//   - GIL: any
//   - Thread: any
//   - Ref: drops what the gate owns
//   - Blocks: no
func (g *Gate) Release() {
	if g == nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return
	}
	g.closed = true
	for _, n := range g.names {
		n.leave()
	}
	clear(g.names)
	g.makeNames.Release()
}

// refusedError is the refusal of a gate, in the form of an error of Python.
type refusedError struct {
	python *pybridge.Error
	err    error
}

// refused makes a refusedError of a policy's refusal.
func refused(err error) error {
	var refusal *policy.Refusal
	module, name, hint := "_pickle", "UnpicklingError", ""
	mro := []string{"_pickle.UnpicklingError", "_pickle.PickleError", "Exception", "BaseException", "object"}
	if errors.As(err, &refusal) {
		module, name = OwnModule, "ForbiddenGlobal"
		mro = append([]string{module + "." + name}, mro...)
		if refusal.Entry != "" {
			hint = "; the entry " + refusal.Entry + " would let it in"
		}
	}
	return &refusedError{err: err, python: &pybridge.Error{
		Module: OwnModule, Type: "DeserializeError",
		MRO:     []string{string(DeserializeError), "Exception", "BaseException", "object"},
		Message: fmt.Sprintf("cannot deserialize: %s.%s: %v%s", module, name, err, hint),
		Cause:   &pybridge.Error{Module: module, Type: name, MRO: mro, Message: err.Error()},
	}}
}

func (e *refusedError) Error() string   { return e.python.Error() }
func (e *refusedError) Unwrap() []error { return []error{e.python, e.err} }

// Format prints as the Python error does, for %+v too.
func (e *refusedError) Format(s fmt.State, verb rune) { e.python.Format(s, verb) }
