package handler

import (
	"errors"
	"fmt"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/internal/pyname"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// What an RPC module need not have, for errors.Is. What is missing is in the text.
var (
	ErrNoRRefs           = errors.New("the RPC module has no functions for RRefs: start its RPC agent first, or name " + TorchModule)
	ErrNoCompilationUnit = errors.New("the RPC module has no compilation unit of TorchScript: " + TorchModule + " has one")
)

// absent is what the Python side raises for them.
const absent pybridge.Class = pyname.Package + "._module.members.Absent"

// RRefProxyFunctions make an RRef's proxies, and the calls that go through them
// (PythonRpcHandler::RRefProxyFunctions).
type RRefProxyFunctions struct {
	Proxy                     *pybridge.Object // RRefProxy
	RPCSync, RPCAsync, Remote *pybridge.Object // rpc_sync, rpc_async, remote
}

// Release drops the references. A second call does nothing.
//
//   - GIL: any
//   - Thread: any
//   - Ref: consumes the functions'
//   - Blocks: no
func (f RRefProxyFunctions) Release() { release(f.Proxy, f.RPCSync, f.RPCAsync, f.Remote) }

// RRefTypeFunctions tell the type of what an RRef refers to, where it is owned and elsewhere
// (PythonRpcHandler::RRefTypeFunctions).
type RRefTypeFunctions struct {
	OnOwner, OnUser *pybridge.Object // _rref_typeof_on_owner, _rref_typeof_on_user
}

// Release drops the references. A second call does nothing.
//
//   - GIL: any
//   - Thread: any
//   - Ref: consumes the functions'
//   - Blocks: no
func (f RRefTypeFunctions) Release() { release(f.OnOwner, f.OnUser) }

func release(objects ...*pybridge.Object) {
	for _, o := range objects {
		o.Release()
	}
}

// RRefProxyFunctions is the RPC module's (PythonRpcHandler::getRRefProxyFunctions). With torch's module
// [New] has cached them; any other may get them later: they are those that it, or its package, has when
// they are first asked for. What is given is the caller's own, and outlives a Cleanup.
//
//   - GIL: held
//   - Thread: the token's
//   - Ref: new; released by the caller
//   - Blocks: user code where the module makes them on first use
//
// Errors: ErrNoRRefs, naming what is missing; ErrClosed.
func (h *Handler) RRefProxyFunctions(t gil.Token) (f RRefProxyFunctions, err error) {
	t.Assert()
	if h.isNone() {
		return f, ErrNoHandler
	}
	fns, err := h.functions(t, h.rrefProxyFunctions, 4)
	if err != nil {
		return f, err
	}
	return RRefProxyFunctions{Proxy: fns[0], RPCSync: fns[1], RPCAsync: fns[2], Remote: fns[3]}, nil
}

// RRefTypeFunctions is the RPC module's, as [Handler.RRefProxyFunctions]
// (PythonRpcHandler::getRRefTypeFunctions).
//
//   - GIL: held
//   - Thread: the token's
//   - Ref: new; released by the caller
//   - Blocks: user code where the module makes them on first use
//
// Errors: ErrNoRRefs, naming what is missing; ErrClosed.
func (h *Handler) RRefTypeFunctions(t gil.Token) (f RRefTypeFunctions, err error) {
	t.Assert()
	if h.isNone() {
		return f, ErrNoHandler
	}
	fns, err := h.functions(t, h.rrefTypeFunctions, 2)
	if err != nil {
		return f, err
	}
	return RRefTypeFunctions{OnOwner: fns[0], OnUser: fns[1]}, nil
}

// CompilationUnit is the torch.jit.CompilationUnit that has Python's script functions, classes and
// interfaces (PythonRpcHandler::jitCompilationUnit). Kept and released as the RRefs' functions are.
//
//   - GIL: held
//   - Thread: the token's
//   - Ref: new; released by the caller
//   - Blocks: no
//
// Errors: ErrNoCompilationUnit, as with gopyrpc.internal; ErrClosed.
func (h *Handler) CompilationUnit(t gil.Token) (*pybridge.Object, error) {
	t.Assert()
	if h.isNone() {
		return nil, ErrNoHandler
	}
	unit, err := h.compilationUnit.Call(t)
	if err != nil {
		return nil, h.lacks(err, ErrNoCompilationUnit)
	}
	return unit.Named("compilation unit"), nil
}

// functions calls a getter that gives a tuple of n functions.
func (h *Handler) functions(t gil.Token, getter *pybridge.Object, n int) ([]*pybridge.Object, error) {
	tuple, err := getter.Call(t)
	if err != nil {
		return nil, h.lacks(err, ErrNoRRefs)
	}
	defer tuple.Release()
	fns := make([]*pybridge.Object, n)
	for i := range fns {
		if fns[i], err = tuple.Item(t, i); err != nil {
			release(fns...)
			return nil, err
		}
		fns[i].Named("function for RRefs")
	}
	return fns, nil
}

// lacks says what a module does not have.
func (h *Handler) lacks(err, what error) error {
	var e *pybridge.Error
	if errors.Is(err, absent) && errors.As(err, &e) {
		return fmt.Errorf("%w: %s", what, e.Message)
	}
	return h.closed(err)
}

// slots pairs the handle's attributes with the fields that keep them.
func (h *Handler) slots() map[string]**pybridge.Object {
	slots := map[string]**pybridge.Object{
		"run": &h.run, "serialize": &h.serialize, "deserialize": &h.deserialize, "run_function": &h.runFunction,
		"handle_exception": &h.handleException, "is_remote_exception": &h.isRemoteException,
		"rref_proxy_functions": &h.rrefProxyFunctions, "rref_type_functions": &h.rrefTypeFunctions,
		"compilation_unit": &h.compilationUnit, "kinds_of": &h.kindsOf,
		"describe_tensors": &h.describeTensors, "make_tensors": &h.makeTensors,
	}
	if h.config.restricted {
		slots["make_names"] = &h.makeNames
	}
	return slots
}
