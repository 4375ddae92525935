package handler_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/handler"
	"github.com/gopyrpc/gopyrpc/internal/pythontest"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// members are the objects that a handler keeps, as expressions, in the order of allMembers.
type members []string

var (
	fullMembers = members{
		"m.RRefProxy", "m.rpc_sync", "m.rpc_async", "m.remote", "m._rref_typeof_on_owner", "m._rref_typeof_on_user", "m._python_cu",
		"m._run_function", "m.serialize", "m.deserialize", "m._handle_exception",
	}
	torchMembers = members{
		"m.distributed.rpc.rref_proxy.RRefProxy", "m.distributed.rpc.api.rpc_sync", "m.distributed.rpc.api.rpc_async",
		"m.distributed.rpc.api.remote", "m.distributed.rpc.api._rref_typeof_on_owner", "m.distributed.rpc.api._rref_typeof_on_user",
		"m.jit._state._python_cu", "m.distributed.rpc.internal._run_function", "m.distributed.rpc.internal.serialize",
		"m.distributed.rpc.internal.deserialize", "m.distributed.rpc.internal._handle_exception",
	}
)

// counts are the reference counts of the members of a module.
func (m members) counts(t testing.TB, module string) (counts []int64) {
	t.Helper()
	pythontest.Until(t, "what was released has been dropped", func() bool { return gil.Stats().Pending == 0 })
	pythontest.With(t, func(tok gil.Token) {
		value(t, tok, "__import__('gc').collect()") // tracebacks of other tests hold members too
		for _, expression := range m {
			count := value(t, tok, "(lambda m: sys.getrefcount("+expression+"))(__import__('"+module+"'))")
			n, err := pybridge.As[int64](tok, count)
			require.NoError(t, err)
			counts = append(counts, n)
		}
	})
	return counts
}

// allMembers asks the handler for everything it has, in the order of members.
func allMembers(t testing.TB, tok gil.Token, h *handler.Handler) []*pybridge.Object {
	t.Helper()
	proxy, err := h.RRefProxyFunctions(tok)
	require.NoError(t, err)
	t.Cleanup(proxy.Release)
	types, err := h.RRefTypeFunctions(tok)
	require.NoError(t, err)
	t.Cleanup(types.Release)
	unit, err := h.CompilationUnit(tok)
	require.NoError(t, err)
	t.Cleanup(unit.Release)
	return []*pybridge.Object{proxy.Proxy, proxy.RPCSync, proxy.RPCAsync, proxy.Remote, types.OnOwner, types.OnUser, unit}
}

// same fails unless the handler's members are the module's.
func (m members) same(t testing.TB, h *handler.Handler, module string) {
	t.Helper()
	pythontest.With(t, func(tok gil.Token) {
		for i, got := range allMembers(t, tok, h) {
			is := value(t, tok, "lambda o: o is (lambda m: "+m[i]+")(__import__('"+module+"'))")
			answer, err := is.Call(tok, got)
			require.NoError(t, err)
			defer answer.Release()
			equal, err := answer.Truth(tok)
			require.NoError(t, err)
			assert.True(t, equal, m[i])
		}
	})
}

// TestCleanupReleasesEveryMember counts the references to all that a handler caches, those too that
// torch's cleanup forgets (_rref_typeof_on_owner and _rref_typeof_on_user): after it they are as before.
func TestCleanupReleasesEveryMember(t *testing.T) {
	for _, c := range []struct {
		rpc, module string
		members     members
		make        func(t *testing.T) *handler.Handler
		eager       bool
	}{
		{"full_rpc", "full_rpc", fullMembers, func(t *testing.T) *handler.Handler { return newHandler(t, handler.WithModule("full_rpc")) }, false},
		{handler.TorchModule, "torch", torchMembers, torchHandler, true},
	} {
		t.Run(c.rpc, func(t *testing.T) {
			require.NoError(t, c.make(t).Cleanup(t.Context()), "the module is imported")
			before := c.members.counts(t, c.module)
			h := c.make(t)
			if c.eager {
				assertAllMore(t, before, c.members.counts(t, c.module), "after New")
			}
			t.Run("use", func(t *testing.T) { c.members.same(t, h, c.module) })
			assertAllMore(t, before, c.members.counts(t, c.module), "in use")
			require.NoError(t, h.Cleanup(t.Context()))
			assert.Equal(t, before, c.members.counts(t, c.module), "after Cleanup")
		})
	}
}

func assertAllMore(t testing.TB, before, now []int64, when string) {
	t.Helper()
	for i := range before {
		assert.Greater(t, now[i], before[i], "%s: member %d is not cached", when, i)
	}
}

// TestMembersOutliveCleanup: they are the caller's own. The closed handler gives no others.
func TestMembersOutliveCleanup(t *testing.T) {
	h := newHandler(t, handler.WithModule("full_rpc"))
	var all []*pybridge.Object
	pythontest.With(t, func(tok gil.Token) { all = allMembers(t, tok, h) })
	require.NoError(t, h.Cleanup(t.Context()))
	pythontest.With(t, func(tok gil.Token) {
		for _, o := range all {
			_, err := o.Repr(tok)
			require.NoError(t, err)
		}
		_, err := h.RRefProxyFunctions(tok)
		require.ErrorIs(t, err, handler.ErrClosed)
		_, err = h.RRefTypeFunctions(tok)
		require.ErrorIs(t, err, handler.ErrClosed)
		_, err = h.CompilationUnit(tok)
		require.ErrorIs(t, err, handler.ErrClosed)
	})
	_, err := h.ParseType(t.Context(), "int")
	require.ErrorIs(t, err, handler.ErrClosed)
}

// TestModuleWithoutMembers works, and says what it lacks when it is asked. Once it has them, they are
// given.
func TestModuleWithoutMembers(t *testing.T) {
	pythontest.With(t, func(tok gil.Token) {
		pythontest.Define(t, tok, lateModule, "late")
	})
	h := newHandler(t, handler.WithModule("late_rpc"))
	pythontest.With(t, func(tok gil.Token) {
		_, err := h.RRefProxyFunctions(tok)
		require.ErrorIs(t, err, handler.ErrNoRRefs)
		assert.ErrorContains(t, err, "late_rpc has no RRefProxy, rpc_sync, rpc_async, remote")
		assert.ErrorContains(t, err, "start its RPC agent first")
		_, err = h.RRefTypeFunctions(tok)
		require.ErrorIs(t, err, handler.ErrNoRRefs)
		assert.ErrorContains(t, err, "late_rpc has no _rref_typeof_on_owner, _rref_typeof_on_user")
		_, err = h.CompilationUnit(tok)
		require.ErrorIs(t, err, handler.ErrNoCompilationUnit)
		value(t, tok, "vars(__import__('late_rpc')).update(vars(__import__('full_rpc')))")
	})
	fullMembers.same(t, h, "full_rpc")
	pythontest.With(t, func(tok gil.Token) { value(t, tok, "vars(__import__('late_rpc')).update(rpc_sync=len)") })
	fullMembers.same(t, h, "full_rpc")
}

const lateModule = `
import full_rpc, sys, types
late = sys.modules["late_rpc"] = types.ModuleType("late_rpc")
for name in ("_run_function", "serialize", "deserialize", "_handle_exception"):
    setattr(late, name, getattr(full_rpc, name))
late.remote = late  # something else of that name
`

// TestOwnModuleHasItsPackagesMembers: they are what the package gopyrpc has.
func TestOwnModuleHasItsPackagesMembers(t *testing.T) {
	set := func(expression string) {
		pythontest.With(t, func(tok gil.Token) { value(t, tok, expression) })
	}
	set("setattr(u, 'before', dict(vars(__import__('gopyrpc'))))")
	t.Cleanup(func() { set("(vars(m := __import__('gopyrpc')).clear(), vars(m).update(u.before))") })
	set("vars(__import__('gopyrpc')).update({k: v for k, v in vars(__import__('full_rpc')).items() if 'ref' in k.lower() or k in ('rpc_sync', 'rpc_async', 'remote', '_python_cu')})")
	fullMembers.same(t, newHandler(t), "full_rpc")
}

// TestTorchMembersAreCheckedByNew: one error names all that is wrong with torch's modules.
func TestTorchMembersAreCheckedByNew(t *testing.T) {
	torchHandler(t)
	set := func(expression string) {
		pythontest.With(t, func(tok gil.Token) { value(t, tok, "(lambda m: "+expression+")(__import__('torch').distributed.rpc)") })
	}
	set("setattr(u, 'before', (m.internal.serialize, m.api.remote, m.api._rref_typeof_on_user))")
	t.Cleanup(func() {
		set("(setattr(m.internal, 'serialize', u.before[0]), setattr(m.api, 'remote', u.before[1]), setattr(m.api, '_rref_typeof_on_user', u.before[2]))")
	})
	set("(delattr(m.internal, 'serialize'), setattr(m.api, 'remote', 'text'), delattr(m.api, '_rref_typeof_on_user'))")
	_, err := handler.New(t.Context(), pythontest.Runtime(), handler.WithModule(handler.TorchModule))
	require.ErrorIs(t, err, pybridge.AttributeError)
	assert.ErrorContains(t, err, "it has no serialize; the remote of torch.distributed.rpc.api is not callable; torch.distributed.rpc.api has no _rref_typeof_on_user")
}
