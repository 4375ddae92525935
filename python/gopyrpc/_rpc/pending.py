"""The calls of `rpc_async` that have no outcome yet, and how an outcome comes to its Future."""

from .._builtins import snapshot as __builtins__  # noqa: F401 - see _builtins

from itertools import count

from .._uninterruptible import uninterruptible
from .calls import name_of_function, take_back
from .future import CALLBACKS, UNREAD

_tickets = count(1)
_pending = {}  # ticket -> (future, forks, host, function, its seconds)


def enter(future, forks, host, func, limit):
    """Note a call that is about to be made, whose outcome is *future*'s; return its ticket."""
    ticket = next(_tickets)
    future._source = host, ticket
    _pending[ticket] = future, forks, host, func, limit
    return ticket


def forget(ticket):
    """Forget a call that could not be made."""
    _pending.pop(ticket, None)


@uninterruptible
def settle(outcomes):
    """Give futures what came for them: pairs of ticket and reply.

    Called by Go, for whoever waits for an outcome: others' come with it, and would be lost where that caller were
    interrupted in the middle. Returns three lists: the tickets for each of which Go calls `go_on` on a thread of its own,
    as there are callbacks; those for which Go calls it on one thread together; and the numbers of the events that Go sets.
    """
    busy = []
    unread = []
    awake = []
    for ticket, reply in outcomes:
        entry = _pending.get(ticket)
        if entry is None:
            continue
        future, forks, host, func, limit = entry
        if type(reply) is tuple:
            if forks:
                take_back(host, forks, reply)
            reply = (*reply, name_of_function(func), limit)
        left = future._deliver(reply, host, awake)
        if left == CALLBACKS or type(reply) is not tuple and _has_rrefs(reply):
            busy.append(ticket)
        elif left == UNREAD:
            unread.append(ticket)
        else:
            del _pending[ticket]
    return busy, unread, awake


def go_on(tickets):
    """Read what `settle` has delivered, and run the callbacks."""
    for ticket in tickets:
        future = _pending.pop(ticket)[0]
        future._read()
        future._run_callbacks()


def _has_rrefs(reply):
    """Tell whether there may be RRefs in a reply, which count as users until they are adopted."""
    if type(reply) is list and len(reply) == 3:
        return True  # a canonical pickle, which does not say
    data = reply if type(reply) is bytes else reply[0]
    return b"_receive_rref" in data
