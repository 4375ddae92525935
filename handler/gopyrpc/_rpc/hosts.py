"""The agent of this process, as this package sees it.

Package agent/pyworker, in Go, makes one `Host` per agent and hands it here; all
functions of a Host are Go's. They may be called from any thread: they let go of
the GIL while they wait, and of the permit that the calling UDF runs under, and
what they wait for ends when that UDF is interrupted.
"""

from .._builtins import snapshot as __builtins__  # noqa: F401 - see _builtins

from contextvars import ContextVar

# The Caller whose request this is: see caller.
serving = ContextVar("serving", default=None)

# The Host to act for, where that is known: it made the call whose reply is being read, or the RRef that is used. Where
# a process has several Hosts, the thread may be serving another one.
_acting_for = ContextVar("acting_for", default=None)

_hosts = []  # the latest last; a process has one, unless its Go program wants more
_starter = None


class Box:
    """Hands an object to Go as it is, where Go would make a value of its own of it."""

    __slots__ = ("value",)

    def __init__(self, value):
        self.value = value


class Host:
    """What there is of one agent. Immutable by convention, but for *closed*.

    ``name``, ``rank``, ``timeout`` (seconds; of calls that say none), ``ids``
    (name to rank). Go's functions, where *timeout* is seconds, 0 for no end, a
    *reply* is bytes, a memoryview of them or ``[bytes, tensors]``, of a restricted worker ``[bytes, beside, Caller]``, *data* bytes, a memoryview of them, or a list
    of memoryviews to be joined, and each returns, where it fails, a tuple for `failure`
    of errors:

    *bound* holds the reply to the list of what its worker may ask for: see `bound` of calls.

    ``call(to, data, tensors, timeout[, bound])`` -> reply
    ``call_async(ticket, to, data, tensors, timeout[, bound])``: `settle` gets the reply
    ``remote(to, data, tensors, timeout)`` -> ``[handle, owner, text]`` of an RRef
    ``new_rref(box)``, ``adopt(fork)`` -> the same; *handle* is 16 random bytes
    ``fork(handle, to)`` -> bytes; ``unfork(handle, fork)``; ``release(handle)``
    ``to_here(handle, timeout[, bound])`` -> reply; ``local_value(handle, timeout)`` -> ``[value]``
    ``confirmed(handle)`` -> bool; ``wait_confirmed(handle, timeout)``
    ``wait(number, timeout, ticket)`` -> bool: whether ``set(number)`` was called, before or meanwhile. Where the
    outcome of a call is what is waited for, *ticket* is its, else 0
    ``shutdown(graceful, timeout)``
    ``refused(worker, name, text, entry)``: logs that a worker was refused something
    """

    def __init__(self, name, rank, workers, timeout, functions):
        self.name = name
        self.rank = rank
        self.timeout = timeout
        self.ids = workers
        self.names = {rank: name for name, rank in workers.items()}
        self.closed = False
        self.__dict__.update(functions)


def install(host):
    """Make *host* the agent of this process."""
    _hosts.append(host)


def remove(host):
    """Take *host* away: its agent is closed."""
    host.closed = True
    if host in _hosts:
        _hosts.remove(host)


def provide(starter):
    """Say how `init_rpc` starts an agent: a Go function, or None."""
    global _starter
    _starter = starter


def starter():
    return _starter


def acting_for(host, function, /, *args, **kwargs):
    """Return ``function(*args, **kwargs)``, for which `current` is *host*."""
    token = _acting_for.set(host)
    try:
        return function(*args, **kwargs)
    finally:
        _acting_for.reset(token)


def are_several():
    """Tell whether this process has more than one agent."""
    return len(_hosts) > 1


def find():
    """Return the Host to act for, else that of the request being served, else the process's, else None."""
    host = _acting_for.get()
    if host is not None and not host.closed:
        return host
    caller = serving.get()
    if caller is not None and not caller.host.closed:
        return caller.host
    return _hosts[-1] if _hosts else None


def current():
    """`find`, with a RuntimeError where there is none."""
    host = find()
    if host is None:
        raise RuntimeError(
            "RPC has not been initialized: there is no agent in this process."
            " Call gopyrpc.init_rpc() first"
        )
    return host
