"""The agents of this process, of which there is one unless its Go program wants more.

Package agent/pyworker, in Go, makes a `Host` for each agent and installs it here. The
functions of a Host are Go's. Any thread may call them. While they wait they give up the GIL,
and the permit of the UDF that they are called by; the wait ends when that UDF is interrupted.
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
    """Passes an object to Go as it is. Without it Go would convert what it can."""

    __slots__ = ("value",)

    def __init__(self, value):
        self.value = value


class Host:
    """One agent. Immutable by convention, but for *closed* and *timeout*, and in a group that *grows*, `refresh`.

    Attributes: ``name``, ``rank``, ``timeout`` (seconds, of calls that say none), ``prints_failures``, ``ids`` (rank by name),
    ``names`` (name by rank). The others are functions. Their arguments:

    *data*     a pickle: bytes, a memoryview, or a list of memoryviews to be joined
    *tensors*  the tensors that the pickle refers to, or None
    *timeout*  seconds, 0 for none
    *handle*   16 random bytes, which stand for an RRef
    *ticket*   the number of an asynchronous call
    *bound*    True to restrict the reply as requests of that worker are: see `bound` of calls

    A *reply* is bytes, a memoryview, ``[bytes, tensors]``, or of a restricted worker ``[bytes, beside, Caller]``.
    Each function returns a tuple of arguments for `failure` of errors where it fails.

    ``call(to, data, tensors, timeout[, bound])`` -> reply
    ``call_async(ticket, to, data, tensors, timeout[, bound])``: `settle` gets the reply
    ``remote(to, data, tensors, timeout, value_timeout)`` -> ``[handle, owner, text]`` of an RRef
    ``new_rref(box)``, ``adopt(fork)`` -> the same
    ``fork(handle, to)`` -> bytes; ``unfork(handle, fork)``; ``release(handle)``
    ``to_here(handle, timeout[, bound])`` -> reply; ``local_value(handle, timeout)`` -> ``[value]``
    ``confirmed(handle)`` -> bool; ``wait_confirmed(handle, timeout)``
    ``wait(number, timeout, ticket)`` -> bool: whether the event of that number was set, before or meanwhile.
    *ticket* is the call whose outcome sets it, or 0
    ``set(number)``: sets an event
    ``shutdown(graceful, timeout)``
    ``workers()`` -> dict: rank by name, as it is now
    ``refused(worker, name, text, entry)``: logs that a worker was refused something
    ``debug_info()`` -> ``[dict, dict]``: counts by name, of the agent and of its RRefs
    """

    def __init__(self, name, rank, workers, timeout, functions, prints_failures=False, grows=False):
        self.name = name
        self.rank = rank
        self.timeout = timeout
        self.grows = grows
        self.known = {}  # rank by name, also of workers that have gone
        self._take(workers)
        self.closed = False
        self.prints_failures = prints_failures
        self.__dict__.update(functions)

    def refresh(self):
        """Take over who is in the group now, where its workers come and go."""
        if self.grows:
            self._take(self.workers())

    def _take(self, workers):
        self.known.update(workers)  # first: what another thread finds in ids is here
        self.ids = workers
        self.names = {rank: name for name, rank in workers.items()}


def install(host):
    """Make *host* the agent of this process."""
    _hosts.append(host)


def remove(host):
    """Take *host* away: its agent is closed."""
    host.closed = True
    if host in _hosts:
        _hosts.remove(host)
    when_closed = host.__dict__.pop("when_closed", None)
    if when_closed is not None:
        when_closed()


class Starter:
    """Go's functions by which `init_rpc` starts an agent.

    ``start(name, rank, world_size, timeout, address, coordinator, hosts, lent, spread, settings, variables)`` -> where
    the agent listens. It has begun to look for its group: at *address*, which is where it listens itself where it
    *hosts* the group. *coordinator* is the name that the worker there must have, or "". *lent*: it listens there until
    the group is complete, and else elsewhere. *spread*: the group is known to have workers on other machines.
    ``find(address, spread, settings, variables)`` -> the address by which this process is to reach what is there
    ``meet()`` waits for the group.
    ``give_up()`` ends the agent of a group that is not to meet.
    """

    def __init__(self, start, find, meet, give_up):
        self.start, self.find, self.meet, self.give_up = start, find, meet, give_up


def provide(start, find=None, meet=None, give_up=None):
    """Set the functions of `Starter`."""
    global _starter
    _starter = Starter(start, find, meet, give_up)


def starter():
    return _starter


def forked():
    """Have everything of Go's fail in this process, a child that was forked: Go does not run in it.

    What the parent's objects still call when they are dropped does nothing. A function of os.register_at_fork.
    """
    provide(_refuse_in_child)
    for host in _hosts:
        for name, value in list(host.__dict__.items()):
            if callable(value):
                host.__dict__[name] = _nothing_in_child if name in _WHEN_DROPPED else _refuse_in_child


def refuse_in_child():
    """RuntimeError in a child that was forked from a process with an agent."""
    if _starter is not None and _starter.start is _refuse_in_child:
        _refuse_in_child()


# What finalisers of objects call.
_WHEN_DROPPED = ("release", "unfork", "set")


def _nothing_in_child(*_args):
    return None


def _refuse_in_child(*_args):
    raise RuntimeError(
        "this process was forked from one that has an RPC agent, and cannot use it: Go does not run in a forked child."
        " Start processes that use RPC with multiprocessing's start method 'spawn', and call init_rpc() there"
    )


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
