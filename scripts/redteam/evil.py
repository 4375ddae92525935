"""The code of the attacker's worker: attacks on w0 by real picklers and real RRefs, and replies to w0's calls."""

import codecs
import os
import pickle

import gopyrpc as rpc
import victim
from gopyrpc._rpc import rref as own

SHELL = "touch canary"
BOMB = b"cos\nsystem\n(S'touch canary'\ntR."


class Call:
    def __init__(self, function, *args, state=None):
        self.parts = (function, args) if state is None else (function, args, state)

    def __reduce__(self):
        return self.parts


def method(name, args=()):
    """Call a method of a value at w0, an Account that w0 made for this worker."""
    rref = rpc.remote("w0", victim.Account)
    return rpc.rpc_sync("w0", own._call_method, (rref, name, args, {}))


def spend():
    return method("spend", (5,))


def alias():
    return method("_loads", (BOMB,))


def alias_run():
    return method("_run", (["touch", "canary"],))


def init():
    return method("__init__", ("attacker",))


def getattribute():
    return method("__getattribute__", ("owner",))


def getattr_hook():
    return method("__getattr__", ("getcwd",))


def delegated():
    return method("system", (SHELL,))


def setattribute():
    return method("__setattr__", ("owner", "attacker"))


def reduce_ex():
    return method("__reduce_ex__", (4,))


def class_of():
    return method("__class__", ("x",))


def subclasses():
    return method("__init_subclass__")


def secret():
    return method("secret")


def dotted():
    return method("spend.__globals__.get", ("SECRET",))


def not_text():
    return method(b"spend", (5,))


def text_subclass():
    class Name(str):
        pass

    return method(Name("_loads"), (BOMB,))


def of_kept():
    """Call a method of a value whose class is not the module's own."""
    rref = rpc.remote("w0", victim.recorder)
    return rpc.rpc_sync("w0", own._call_method, (rref, "append", ("attacker",), {}))


def of_settings():
    rref = rpc.remote("w0", victim.settings)
    return rpc.rpc_sync("w0", own._call_method, (rref, "update", ({"admin": True},), {}))


def of_function():
    rref = rpc.remote("w0", victim.echo, (victim.transfer,))
    return rpc.rpc_sync("w0", own._call_method, (rref, "__get__", (1,), {}))


def type_of():
    rref = rpc.remote("w0", victim.settings)
    return repr(rpc.rpc_sync("w0", own._type_of_value, (rref,)))


def look_for(name):
    return rpc.rpc_sync("w0", own._check_value, (rpc.remote("w0", victim.Account), name))


def looked_for():
    return look_for("_loads")


def looked_for_hook():
    return look_for("getcwd")


def looked_for_of_no_rref():
    return rpc.rpc_sync("w0", own._check_value, (Call(victim.Fake), "anything"))


def of_no_rref():
    """Send _call_method with an object of a listed class instead of an RRef."""
    return rpc.rpc_sync("w0", own._call_method, (Call(victim.Fake), "anything", (), {}))


def forged_rref(**slots):
    """Send an RRef of ours, of which w0 sets other slots while it reads the request."""
    from gopyrpc._pickling.pickler import register_reducer

    class Forged:
        pass

    rref = rpc.remote("w0", victim.Account)
    rref.to_here()
    register_reducer(Forged, lambda _: (*own._reduce(rref)[:2], (None, slots)))
    return rpc.rpc_sync("w0", victim.open_rref, (Forged(),))


def forged_handle():
    return forged_rref(_handle=1)


def forged_owner():
    return forged_rref(_owner="w2", _handle=2)


def forged_host():
    return forged_rref(_host=victim.Plain())


def forged_type():
    return forged_rref(_type=victim.Plain())


def honest_rref():
    rref = rpc.remote("w0", victim.Account)
    return repr(type(rpc.rpc_sync("w0", victim.open_rref, (rref,))))


def direct():
    return rpc.rpc_sync("w0", os.system, (SHELL,))


def argument():
    return rpc.rpc_sync("w0", victim.echo, (Call(os.system, SHELL),))


def keyword():
    return rpc.rpc_sync("w0", victim.echo, (1,), {"x": Call(eval, "open('canary', 'w').close()")})


def remote():
    return rpc.remote("w0", os.system, (SHELL,)).to_here()


def asynchronous():
    return rpc.rpc_async("w0", os.system, (SHELL,)).wait()


def state():
    return rpc.rpc_sync("w0", victim.echo, (Call(victim.Plain, state={"__reduce_ex__": str, "__module__": "sideeffect"}),))


def live():
    return rpc.rpc_sync("w0", victim.echo, (Appends(victim.live),))


class Appends:
    """Send a call whose result the pickle goes on to fill."""

    def __init__(self, function):
        self.function = function

    def __reduce__(self):
        return self.function, (), None, iter(["attacker"])


def large():
    """Send more bytes than the size from which on a pickle travels in parts, through shared memory."""
    return rpc.rpc_sync("w0", victim.echo, (bytes(1 << 20), Call(os.system, SHELL)))


def exception():
    """Send an exception whose class runs code when it is read."""
    return rpc.rpc_sync("w0", victim.echo, (Failed(Call(os.system, SHELL)),))


class Failed(Exception):
    pass


def run(name):
    """Make the attack of that name, and return what it says. What keeps the attack from working is raised."""
    return repr(globals()[name]())[:300]


# Replies: w0 calls these functions, and gets what they return.


def reply_honest():
    return "an honest reply"


def reply_system():
    return [Call(os.system, SHELL)]


def reply_eval():
    return {"k": Call(eval, "open('canary', 'w').close()")}


def reply_import():
    return Call(codecs.lookup, "idna")


def reply_defaults():
    return Call(setattr, victim.transfer, "__defaults__", (7,))


def reply_live():
    return Appends(victim.live)


def reply_state():
    return Call(victim.Plain, state={"__class__": victim.Account})


def reply_alias():
    return Call(victim.run, ["touch", "canary"])


def reply_exception():
    raise Failed(Call(os.system, SHELL))


def reply_exception_state():
    exc = ValueError("x")
    exc.x = Call(os.system, SHELL)
    raise exc


def reply_large():
    return [bytes(1 << 20), Call(os.system, SHELL)]


def reply_deep():
    value = ()
    for _ in range(400):
        value = (value,)
    return {value: 1, Call(os.system, SHELL): 2}


def reply_udf():
    from gopyrpc.internal import PythonUDF

    return PythonUDF(os.system, (SHELL,), {})
