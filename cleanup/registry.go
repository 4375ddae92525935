package cleanup

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"
)

const (
	defaultStepDeadline = 10 * time.Second
	defaultGrace        = time.Second
)

// Registry holds the steps of one join. Make one with [New]. Its methods may be called
// from any goroutine.
type Registry struct {
	deadline time.Duration
	grace    time.Duration
	log      *slog.Logger

	mu    sync.Mutex
	state state   // guarded by mu
	steps []*Step // guarded by mu; in order of registration, empty once the run began

	done   chan struct{} // closed when the run is over
	report Report        // written before done is closed, read only after
	err    error         // likewise
}

type state int

const (
	open state = iota
	running
	done
)

// Option configures a [Registry].
type Option func(*Registry)

// WithStepDeadline sets how long one step may take (default 10 s). Values ≤ 0 keep the default.
func WithStepDeadline(d time.Duration) Option {
	return func(r *Registry) {
		if d > 0 {
			r.deadline = d
		}
	}
}

// WithGrace sets how long a step has at least, however short the time given to Run, and
// how long it has to return once its context was cancelled (default 1 s, never more than
// the step deadline). Values ≤ 0 keep the default.
func WithGrace(d time.Duration) Option {
	return func(r *Registry) {
		if d > 0 {
			r.grace = d
		}
	}
}

// WithLogger sets where the run is logged: each step at debug level, each that went
// wrong as a warning (default: nowhere).
func WithLogger(l *slog.Logger) Option {
	return func(r *Registry) {
		if l != nil {
			r.log = l
		}
	}
}

// New returns an empty registry.
func New(opts ...Option) *Registry {
	r := &Registry{
		deadline: defaultStepDeadline,
		grace:    defaultGrace,
		log:      slog.New(slog.DiscardHandler),
		done:     make(chan struct{}),
	}
	for _, opt := range opts {
		opt(r)
	}
	r.grace = min(r.grace, r.deadline)
	return r
}

// Register adds a step for a phase. The name is what the report and the errors call it;
// it need not be unique. Steps of one phase run last registered first.
//
// Errors: [ErrRunning] once Run was called, [ErrDone] after it; an error for a value that
// is no phase, an empty name or a nil function. It does not block.
func (r *Registry) Register(phase Phase, name string, fn func(context.Context) error) error {
	_, err := r.RegisterStep(phase, name, fn)
	return err
}

// RegisterStep is [Registry.Register] for a holder that may be closed before the join and
// then takes its step back with [Step.Cancel].
func (r *Registry) RegisterStep(phase Phase, name string, fn func(context.Context) error) (*Step, error) {
	switch {
	case !phase.valid():
		return nil, fmt.Errorf("cleanup: register %q: %v is no phase", name, phase)
	case name == "":
		return nil, errors.New("cleanup: register: a step needs a name")
	case fn == nil:
		return nil, fmt.Errorf("cleanup: register %q: the function is nil", name)
	}

	r.mu.Lock()
	defer r.mu.Unlock()
	switch r.state {
	case running:
		return nil, fmt.Errorf("register %q: %w", name, ErrRunning)
	case done:
		return nil, fmt.Errorf("register %q: %w", name, ErrDone)
	}
	s := &Step{registry: r, phase: phase, name: name, fn: fn}
	r.steps = append(r.steps, s)
	return s, nil
}

// Step is a registered step.
type Step struct {
	registry *Registry
	phase    Phase
	name     string
	fn       func(context.Context) error
	taken    bool // guarded by registry.mu: started or cancelled
}

// Cancel removes the step and reports whether that kept it from running: true once, false
// if it has started, ran, or was cancelled before. It does not wait for a step that has
// started, and may be called from inside another step. It does not block.
func (s *Step) Cancel() bool {
	r := s.registry
	r.mu.Lock()
	defer r.mu.Unlock()
	if s.taken {
		return false
	}
	s.taken = true
	r.steps = slices.DeleteFunc(r.steps, func(o *Step) bool { return o == s })
	return true
}

// claim marks the step as started; false means that it was cancelled.
func (s *Step) claim() bool {
	s.registry.mu.Lock()
	defer s.registry.mu.Unlock()
	if s.taken {
		return false
	}
	s.taken = true
	return true
}
