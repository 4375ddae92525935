"""The workers of the group."""

from .._builtins import snapshot as __builtins__  # noqa: F401 - see _builtins

from .._name import INTERNAL
from .._public import public
from . import hosts
from .errors import InvalidDestination, UnknownWorker

_NAME_OF_A_WORKER = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_:")
_LONGEST_NAME = 128  # characters


class WorkerInfo:
    """A worker: its ``name``, and its rank as ``id``. Compares by value, can be pickled.

    RuntimeError for a name that no worker can have, TypeError for what is no name or no rank.
    """

    __slots__ = ("name", "id")

    def __init__(self, name, id):
        if not isinstance(name, str) or not isinstance(id, int):
            raise TypeError(f"a WorkerInfo is of a name and a rank, not of {name!r} and {id!r}")
        if not name or len(name) > _LONGEST_NAME or not _NAME_OF_A_WORKER.issuperset(name):
            raise RuntimeError(
                "Worker name must match ^[A-Za-z0-9-_:]*$, and must be non-empty and shorter than"
                f" {_LONGEST_NAME} chars, but got {name}"
            )
        self.name = name
        self.id = id

    def __eq__(self, other):
        if not isinstance(other, WorkerInfo):
            return NotImplemented
        return (self.name, self.id) == (other.name, other.id)

    def __hash__(self):
        return hash((self.name, self.id))

    def __repr__(self):
        return f"WorkerInfo(id={self.id}, name={self.name})"

    def __reduce__(self):
        return WorkerInfo, (self.name, self.id)


# Its name in pickles: see internal.
WorkerInfo.__module__ = INTERNAL


def get_worker_info(worker_name=None):
    """Return the WorkerInfo of a worker, by default of this one."""
    host = hosts.current()
    host.refresh()
    name = host.name if worker_name is None else name_of(host, worker_name)
    return WorkerInfo(name, host.known[name])  # it may leave meanwhile


def get_worker_infos():
    """Return the group, by rank."""
    host = hosts.current()
    host.refresh()
    return [WorkerInfo(name, rank) for rank, name in sorted(host.names.items())]


def name_of(host, to):
    """Return the name of the worker that a name, a rank or a WorkerInfo stands for."""
    name = to
    if isinstance(to, WorkerInfo):
        name = to.name
    elif isinstance(to, int) and not isinstance(to, bool):
        host.refresh()  # ranks are used again
        name = host.names.get(to)
    elif not isinstance(to, str):
        raise InvalidDestination(f"Cannot get WorkerInfo from name {to!r}: a worker is given by its name, its rank or a WorkerInfo")
    if name not in host.ids:
        host.refresh()
    if name not in host.ids:
        what = f"id {to}" if name is None else f"name {name}"
        raise UnknownWorker(
            f"name:{host.name},rank:{host.rank} could not find destination {what}:"
            f" unknown worker {to!r}; there are {', '.join(sorted(host.ids))}"
        )
    return name


public(get_worker_info, get_worker_infos)
