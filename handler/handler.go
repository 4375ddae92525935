package handler

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"sync/atomic"

	"github.com/gopyrpc/gopyrpc/cleanup"
	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/handler/policy"
	"github.com/gopyrpc/gopyrpc/internal/pyname"
	"github.com/gopyrpc/gopyrpc/pybridge"
	"github.com/gopyrpc/gopyrpc/python"
)

// Modules whose contract is known to be met.
const (
	OwnModule   = pyname.Internal
	TorchModule = "torch.distributed.rpc.internal"
)

// What the handler's functions fail with, besides Python exceptions and the errors of package gil.
var (
	ErrClosed    = pybridge.ErrClosed
	ErrTooLarge  = errors.New("the payload is larger than allowed")
	ErrNoHandler = errors.New("no handler: nil, as comes with an error of New")
)

// Classes of the exceptions that say a call had no outcome, for errors.Is: the payload could not be
// unpickled, or the result not pickled. Their causes are the exceptions that stopped it.
const (
	DeserializeError pybridge.Class = pyname.Internal + ".DeserializeError"
	SerializeError   pybridge.Class = pyname.Internal + ".SerializeError"
)

// Handler holds the references of one RPC module. Its methods may be called from any goroutine, none
// of them with the GIL held unless it takes a Token. With a nil Handler they fail with [ErrNoHandler].
type Handler struct {
	rt     *pybridge.Runtime
	config config
	calls  inflight
	step   *cleanup.Step

	// Owned from New to Cleanup; names as in gopyrpc/_module/handle.py.
	run, serialize, deserialize, runFunction, handleException, isRemoteException *pybridge.Object
	rrefProxyFunctions, rrefTypeFunctions, compilationUnit, kindsOf              *pybridge.Object
	describeTensors, makeTensors                                                 *pybridge.Object
	makeNames                                                                    *pybridge.Object // nil without an allow-list
	gate                                                                         *Gate            // the same
	loaded, released                                                             atomic.Bool
}

type config struct {
	module     string
	allow      []string
	restricted bool
	policy     *policy.Policy // of allow, if restricted
	maxPayload int64
	children   string
}

// check makes the policy.
func (c *config) check() (err error) {
	if c.restricted {
		c.policy, err = policy.New(c.allow)
	}
	return err
}

// Option configures [New].
type Option func(*config)

// WithModule names the RPC module; [OwnModule] without it.
func WithModule(name string) Option { return func(c *config) { c.module = name } }

// WithAllow restricts what a payload may name to entries of the forms that [policy.New] takes, and to plain data. The
// payload is read in Go; what is refused never reaches Python, and of what is let in nothing runs before all of it is
// read. Own module only. No entries allow nothing more.
func WithAllow(entries ...string) Option {
	return func(c *config) {
		c.restricted = true
		c.allow = append(c.allow, entries...)
	}
}

// WithChildren has the processes that Python starts (subprocess, multiprocessing) import the package gopyrpc from a folder,
// such as [python.Unpack] returns: PYTHONPATH of os.environ and sys.path end with it. Without it such processes have the package
// only where it is installed.
func WithChildren(folder string) Option { return func(c *config) { c.children = folder } }

// WithMaxPayload refuses larger payloads, in bytes, with [ErrTooLarge], before Python sees them. No
// limit without it.
func WithMaxPayload(bytes int64) Option { return func(c *config) { c.maxPayload = bytes } }

// New imports the RPC module on the owner's thread and caches its functions
// (PythonRpcHandler::init). A name that is missing or not callable is one error that names all.
//
//   - GIL: must not be held
//   - Thread: any; the import runs on the owner's
//   - Ref: the handler owns what it caches, until Cleanup
//   - Blocks: ctx, then module code
func New(ctx context.Context, rt *pybridge.Runtime, opts ...Option) (*Handler, error) {
	gil.AssertNotHeld()
	h := &Handler{rt: rt, config: config{module: OwnModule}}
	for _, o := range opts {
		o(&h.config)
	}
	if err := h.config.check(); err != nil {
		return nil, fmt.Errorf("rpc module %s: %w", h.config.module, err)
	}
	if err := h.init(ctx); err != nil {
		return nil, fmt.Errorf("rpc module %s: %w", h.config.module, err)
	}
	return h, nil
}

// init counts the load as a call in progress, so that a join that begins meanwhile waits for it.
func (h *Handler) init(ctx context.Context) (err error) {
	registry := h.rt.Registry()
	if registry == nil {
		return pybridge.ErrNotStarted
	}
	h.calls.open(h.drop)
	if err := h.calls.enter(); err != nil {
		return err
	}
	h.step, err = registry.RegisterStep(cleanup.PhaseHandler, "handler of "+h.config.module, h.Cleanup)
	if err != nil {
		return ErrClosed
	}
	l := loading{handler: h}
	if err := h.rt.OnOwner(ctx, l.run); err != nil {
		l.abandon()
		h.calls.close()
		return err
	}
	return nil
}

// loading is a load that its caller may have to leave to itself: module code goes on when ctx ends.
type loading struct {
	handler *Handler

	mu sync.Mutex
	// guarded by mu
	started, abandoned bool
}

func (l *loading) run(t gil.Token) error {
	l.mu.Lock()
	l.started = !l.abandoned
	started := l.started
	l.mu.Unlock()
	if !started {
		return ErrClosed
	}
	defer l.handler.calls.leave()
	defer l.handler.loaded.Store(true)
	return l.handler.load(t)
}

// abandon makes sure that the load leaves, if it does not do so itself.
func (l *loading) abandon() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.abandoned = true
	if !l.started {
		l.handler.calls.leave()
	}
}

// load runs on the owner's thread.
func (h *Handler) load(t gil.Token) error {
	files, err := fs.Sub(python.Files, pyname.Package)
	if err != nil {
		return err
	}
	if err := h.rt.InstallPackage(t, pyname.Package, files); err != nil {
		return err
	}
	if err := h.checkVersion(t); err != nil {
		return err
	}
	if err := h.shareWithChildren(t); err != nil {
		return err
	}
	module, err := h.rt.Import(t, pyname.Package+"._module.handle")
	if err != nil {
		return err
	}
	defer module.Release()
	makeHandle, err := module.Attr(t, "make_handle")
	if err != nil {
		return err
	}
	defer makeHandle.Release()
	kwargs := map[string]any{}
	if h.config.restricted {
		kwargs["allow"] = append([]string{}, h.config.allow...)
	}
	handle, err := makeHandle.CallKw(t, []any{h.config.module}, kwargs)
	if err != nil {
		return err
	}
	defer handle.Release()
	return h.cache(t, handle)
}

// checkVersion refuses a package of other files than this program's: one that was imported before, from a disk, stays.
func (h *Handler) checkVersion(t gil.Token) error {
	p, err := h.rt.Import(t, pyname.Package)
	if err != nil {
		return err
	}
	defer p.Release()
	v, err := p.Attr(t, "__version__")
	if err != nil {
		return err
	}
	defer v.Release()
	found, err := pybridge.As[string](t, v)
	if err == nil && found != python.Version() {
		err = fmt.Errorf("the Python package %s that was imported is version %s, and this program is made for %s: install that, or remove it from sys.path",
			pyname.Package, found, python.Version())
	}
	return err
}

func (h *Handler) cache(t gil.Token, handle *pybridge.Object) error {
	for name, slot := range h.slots() {
		fn, err := handle.Attr(t, name)
		if err != nil {
			return err
		}
		*slot = fn.Named("handler's " + name)
	}
	if h.config.restricted {
		h.gate = NewGate(h.config.policy, h.makeNames)
	}
	return nil
}

func (h *Handler) release() {
	h.released.Store(true)
	h.gate.Release()
	for _, slot := range h.slots() {
		(*slot).Release()
	}
}

// drop is for the last call to leave a closed handler.
func (h *Handler) drop() {
	h.release()
	h.step.Cancel()
}

// Module is the name of the RPC module; none for a nil Handler.
//
//   - GIL: not needed
//   - Thread: any
//   - Ref: none
//   - Blocks: no
func (h *Handler) Module() string {
	if h.isNone() {
		return ""
	}
	return h.config.module
}

// Cleanup refuses new calls with [ErrClosed], waits for those in progress, and drops every cached
// reference (PythonRpcHandler::cleanup, which forgets two). Closed is final. A second call waits too
// and does nothing more. Called from inside a UDF it does not wait for that: the references go when
// the last call leaves.
//
//   - GIL: must not be held
//   - Thread: any
//   - Ref: drops what the handler owns
//   - Blocks: ctx
func (h *Handler) Cleanup(ctx context.Context) error {
	gil.AssertNotHeld()
	switch {
	case h.isNone():
		return ErrNoHandler
	case gil.Held():
		return gil.ErrHeld
	}
	idle := h.calls.close()
	if pybridge.InCallback(ctx) {
		return nil
	}
	select {
	case <-idle: // whether or not ctx has ended
		return nil
	default:
	}
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		if h.loaded.Load() {
			h.release() // what is still running keeps its own hold until it leaves
		}
		return fmt.Errorf("calls in progress: %w", context.Cause(ctx))
	}
}

// isNone: h is not what [New] made.
func (h *Handler) isNone() bool { return h == nil || h.rt == nil }

// enter counts a call in; every one of them leaves by h.calls.leave.
func (h *Handler) enter() error {
	if h.isNone() {
		return ErrNoHandler
	}
	return h.calls.enter()
}

// closed says that the handler is closed where the bridge says that its references are gone: a call
// that a Cleanup did not wait for.
func (h *Handler) closed(err error) error {
	if errors.Is(err, pybridge.ErrReleased) && h.released.Load() {
		return ErrClosed
	}
	return err
}
