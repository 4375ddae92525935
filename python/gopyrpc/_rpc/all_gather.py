"""All workers' objects for all workers, and barriers, by calls: `_all_gather` and what stands on it."""

from .._builtins import snapshot as __builtins__  # noqa: F401 - see _builtins

from collections import defaultdict
from threading import Event, RLock

from .._name import PACKAGE
from ..constants import DEFAULT_SHUTDOWN_TIMEOUT, UNSET_RPC_TIMEOUT
from . import hosts
from .api_name import API, as_replaced
from .client import rpc_async, rpc_sync


class AllGatherStates:
    """What a worker knows of one gathering: the objects that have come, and whether all have."""

    def __init__(self):
        self.gathered_objects = {}
        self.proceed_signal = Event()
        self.failure = None  # text


class _Gatherings:
    """The gatherings that an agent takes part in."""

    def __init__(self):
        self.lock = RLock()
        self.count = defaultdict(int)  # of the gatherings there were, by the names of the workers
        self.states = defaultdict(AllGatherStates)  # by sequence_id

    def begin(self, names):
        """Return the sequence_id of this worker's next gathering with workers of these names."""
        joined = ",".join(names)
        with self.lock:
            self.count[joined] += 1
            return f"{joined}#{self.count[joined]}"

    def state(self, sequence_id):
        with self.lock:
            return self.states[sequence_id]


_making = RLock()


def _gatherings():
    attributes = vars(hosts.current())
    with _making:
        if "gatherings" not in attributes:
            attributes["gatherings"] = _Gatherings()
        return attributes["gatherings"]


def _everybody(host):
    host.refresh()
    return host.ids


def _gather_to_leader(sequence_id, worker_name, obj, worker_names=None):
    """Bring a worker's object to the leader, on which this runs."""
    known = _gatherings()
    names = set(worker_names or _everybody(hosts.current()))
    with known.lock:
        if worker_name not in names:
            raise RuntimeError(f"{worker_name} is not one of the workers of this gathering: {', '.join(sorted(names))}")
        state = known.states[sequence_id]
        if worker_name in state.gathered_objects:
            raise RuntimeError(f"{worker_name} took part in the gathering {sequence_id} already")
        state.gathered_objects[worker_name] = obj
        if names.issubset(state.gathered_objects):
            state.proceed_signal.set()


def _broadcast_to_followers(sequence_id, objects_map):
    """Bring all objects to a worker, on which this runs."""
    state = _gatherings().state(sequence_id)
    state.gathered_objects = objects_map
    state.proceed_signal.set()


def _fail_gathering(sequence_id, text):
    """Tell a worker, on which this runs, that a gathering has failed."""
    state = _gatherings().state(sequence_id)
    if not state.proceed_signal.is_set():
        state.failure = text
        state.proceed_signal.set()


def _all_gather(obj, worker_names=None, timeout=UNSET_RPC_TIMEOUT):
    """Give every worker the objects of all: a dict by name. All workers, or all of *worker_names*, call this.

    The first of them by name is the leader, to which the others send theirs. *timeout* in seconds bounds the waiting
    and each call, 0 for no bound; by default the calls have the group's, and the waiting has none.
    """
    host = hosts.current()
    names = sorted(worker_names or _everybody(host))
    known = _gatherings()
    sequence_id = known.begin(names)
    call_timeout = host.timeout if timeout == UNSET_RPC_TIMEOUT else timeout
    patience = timeout if timeout > 0 else None
    state = known.state(sequence_id)
    try:
        if host.name == names[0]:
            as_replaced(_gather_to_leader)(sequence_id, host.name, obj, names)
            _wait(state, patience, lambda: f"{_missing(names, state)} did not come")
            return _tell(names, sequence_id, state, call_timeout)
        return _follow(names, sequence_id, state, obj, call_timeout, patience)
    finally:
        with known.lock:
            known.states.pop(sequence_id, None)


def _missing(names, state):
    return ", ".join(sorted(set(names) - set(state.gathered_objects)))


def _follow(names, sequence_id, state, obj, call_timeout, patience):
    leader = names[0]
    try:
        arguments = sequence_id, hosts.current().name, obj, names
        rpc_sync(leader, as_replaced(_gather_to_leader), arguments, timeout=call_timeout)
    except RuntimeError as exc:
        text = f"Followers ['{hosts.current().name}'] timed out in _all_gather after {call_timeout:.2f} seconds: {exc}"
        rpc_async(leader, _fail_gathering, (sequence_id, text))
        raise
    _wait(state, patience, lambda: f"the leader, {leader}, did not answer")
    return state.gathered_objects


def _wait(state, patience, why):
    if not state.proceed_signal.wait(patience):
        raise RuntimeError(f"timed out in _all_gather after {patience:.2f} seconds: {why()}")


def _tell(names, sequence_id, state, call_timeout):
    """Have the leader tell its followers how a gathering ended, and return the objects."""
    function, outcome = as_replaced(_broadcast_to_followers), state.gathered_objects
    if state.failure:
        function, outcome = _fail_gathering, state.failure
    calls = [(name, rpc_async(name, function, (sequence_id, outcome), timeout=call_timeout)) for name in names[1:]]
    failed, first = [], None
    for name, future in calls:
        try:
            future.wait()
        except Exception as exc:
            failed.append(name)
            first = first or exc
    if state.failure:
        raise RuntimeError(state.failure)
    if failed:
        raise RuntimeError(
            f"Followers {failed} timed out in _all_gather after {call_timeout:.2f} seconds."
            f" The first exception is {first}"
        ) from first
    return state.gathered_objects


def _barrier(worker_names):
    """Wait until all of these workers have called this. A failure is logged, and not raised."""
    try:
        _all_gather(None, set(worker_names))
    except RuntimeError as exc:
        import logging

        logging.getLogger(PACKAGE).error("Failed to complete barrier, got error %s", exc)


def _wait_all_workers(timeout=DEFAULT_SHUTDOWN_TIMEOUT):
    """Wait until all workers of the group have called this."""
    _all_gather(None, timeout=timeout)


# Under these names they travel, and a program that replaces one is heard.
for _function in (AllGatherStates, _gather_to_leader, _broadcast_to_followers, _fail_gathering, _all_gather, _barrier, _wait_all_workers):
    _function.__module__ = API
del _function
