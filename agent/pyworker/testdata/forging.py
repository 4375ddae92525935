"""What code does that wants more of an RRef than it was given. Run by TestForging, inside w0."""

import copy
import gc
import pickle

import gopyrpc as rpc
from gopyrpc._rpc import hosts, rref as own
from gopyrpc.internal import PythonUDF, _call_method, _check_value, _receive_rref, _type_of_value


def raises(kind, text, function, *args):
    try:
        function(*args)
    except kind as exc:
        assert text in str(exc), (function, exc)
    else:
        raise AssertionError(f"{function} did not raise")


def uses(rref):
    """Return whatever can be done with an RRef."""
    return (
        rref.owner,
        rref.owner_name,
        rref.is_owner,
        rref.confirmed_by_owner,
        rref.to_here,
        rref.local_value,
        rref._get_type,
        lambda: rref._open_host("it"),
        lambda: rref.rpc_sync().append(1),
        lambda: rref.rpc_async().append(1),
        lambda: rref.remote().append(1),
        lambda: rpc.rpc_sync("w1", len, args=([rref],)),
        lambda: rpc.remote("w1", len, args=([rref],)),
    )


def test_half_made():
    kept = rpc.RRef(["kept"])
    made = [object.__new__(rpc.RRef), rpc.RRef.__new__(rpc.RRef)]
    for rref in made:
        for use in uses(rref):
            raises(RuntimeError, "this RRef refers to nothing", use)
        raises(RuntimeError, "refers to nothing", own.await_confirmation, [rref])
        assert repr(rref) == str(rref) == "<RRef that refers to nothing>"
    made.clear()
    del rref, use
    gc.collect()
    assert kept.local_value() == ["kept"]
    late = object.__new__(rpc.RRef)
    late.__init__(["late"])
    assert late.local_value() == ["late"]
    raises(RuntimeError, "has a value already", late.__init__, ["again"])
    assert late.local_value() == ["late"]


def test_nothing_to_set_or_read():
    rref, other = rpc.RRef(["mine"]), rpc.RRef(["other"])
    for name in "_handle", "_host", "_owner", "_text", "_type", "handle", "host", "key", "__dict__":
        for target in rref, object.__new__(rpc.RRef):
            raises(AttributeError, name, object.__getattribute__, target, name)
            raises(AttributeError, name, object.__setattr__, target, name, 1)
    assert not gc.get_referents(rref) or gc.get_referents(rref) == [rpc.RRef]
    raises(TypeError, "cannot be set", rref.__setstate__, {"_handle": 1})
    raises(TypeError, "cannot be set", rref.__setstate__, (None, {"_handle": 1}))
    for protocol in range(6):
        raises(Exception, "Can not pickle rref", pickle.dumps, rref, protocol)
    for function in copy.copy, copy.deepcopy:
        raises(RuntimeError, "Can not pickle rref", function, rref)
    assert (rref.local_value(), other.local_value()) == (["mine"], ["other"])


class Alike:
    """Has the same layout, so that Python lets the class of one be that of the other."""

    __slots__ = ("__weakref__",)

    def __del__(self):
        pass


def test_another_class():
    mine, foreign = rpc.RRef(["mine"]), Alike()
    foreign.__class__ = rpc.RRef
    raises(RuntimeError, "refers to nothing", foreign.local_value)
    # One that dies under another class is released, and who comes to lie where it lay has nothing of it.
    host, before = hosts.current(), len(own._references)
    released = []
    real, host.release = host.release, lambda handle: (released.append(handle), real(handle))
    try:
        for _ in range(1000):
            rref = rpc.RRef(["foreign"])
            address = id(rref)
            rref.__class__ = Alike
            del rref
            squatter = object.__new__(rpc.RRef)
            raises(RuntimeError, "refers to nothing", squatter.local_value)
            if id(squatter) == address:
                break
        else:
            raise AssertionError("no address was used again")
    finally:
        host.release = real
    assert released and len(set(released)) == len(released)
    assert len(own._references) == before
    assert mine.local_value() == ["mine"]


class Risen:
    kept = []

    def __init__(self, rref):
        self.rref = rref
        self.me = self

    def __del__(self):
        Risen.kept.append(self.rref)


def test_risen():
    """What comes back from the dead may have lost what it referred to, and has nothing else's."""
    Risen(rpc.RRef(["dead"]))
    gc.collect()
    for rref in Risen.kept:
        try:
            assert rref.local_value() == ["dead"]
        except RuntimeError as exc:
            assert "refers to nothing" in str(exc)
    Risen.kept.clear()


class Impostor:
    """Is no RRef, and has its methods."""

    def local_value(self):
        return "anything"

    to_here = local_value


def test_impostors():
    for impostor in Impostor(), object.__new__(rpc.RRef), [], None:
        raises((RuntimeError, TypeError), "", _call_method, impostor, "upper", (), {})
        raises((RuntimeError, TypeError), "", _type_of_value, impostor)
        raises((RuntimeError, TypeError), "", _check_value, impostor, "upper")
    raises(RuntimeError, "refers to nothing", rpc.RRef.local_value, Impostor())


def test_handles():
    host = hosts.current()
    rref = rpc.RRef(["mine"])
    handles = [r.handle for r in own._references.values()]
    assert all(type(handle) is bytes and len(handle) == 16 for handle in handles)
    assert len(set(handles)) == len(handles)
    for wrong in bytes(16), handles[-1][:15], handles[-1] + b"\0", b"":
        host.release(wrong)
        assert host.confirmed(wrong) is False
    for wrong in 1, "1", None:
        host.release(wrong)
        assert type(host.local_value(wrong, 0)) is tuple, "not what failed"
    assert rref.local_value() == ["mine"]


def test_forks():
    """Of forks there are the real ones, for whom they are."""
    host = hosts.current()
    rref = rpc.remote("w1", list, args=(["a"],))
    rref.to_here()
    reference = own._references[id(rref)]
    fork = host.fork(reference.handle, "w1")
    raises(rpc.RpcError, "was made for worker", _receive_rref, fork)
    host.unfork(reference.handle, fork)
    for wrong in b"", b"?", fork[:-1]:
        raises(rpc.RpcError, "", _receive_rref, wrong)
    fork = host.fork(reference.handle, "w0")
    for i in range(len(fork) - 40, len(fork)):
        bent = fork[:i] + bytes([fork[i] ^ 1]) + fork[i + 1 :]
        raises(RuntimeError, "", lambda: _receive_rref(bent).to_here())
    assert _receive_rref(fork).to_here() == ["a"]
    raises(rpc.RpcError, "", lambda: _receive_rref(fork).to_here())


def ask_another():
    """Return what serving somebody may use: RRefs in the replies of other workers."""
    rref = rpc.rpc_sync("w1", rpc.RRef, args=([1, 2],))
    return rref.to_here()


class Reduced:
    def __init__(self, *how):
        self.how = how

    def __reduce__(self):
        return self.how


def request(function, *args):
    return pickle.dumps(PythonUDF(function, args, {}), 5)


sent = []  # forks that nobody will adopt


def request_with_fork(of):
    """Return a request with a fork that is real, but for who sends it."""
    host = next(h for h in hosts._hosts if h.name == of)
    handle = host.new_rref(hosts.Box([1]))[0]
    fork = host.fork(handle, of)
    sent.append((host, handle, fork))
    return request(len, Reduced(_receive_rref, (fork,)))


def outcome(reply):
    for host, handle, fork in sent:
        host.unfork(handle, fork)
        host.release(handle)
    sent.clear()
    return repr(pickle.loads(reply))
