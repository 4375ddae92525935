"""The workers of the group."""

from .._builtins import snapshot as __builtins__  # noqa: F401 - see _builtins

from .._name import INTERNAL
from .._public import public
from . import hosts


class WorkerInfo:
    """A worker: its ``name``, and its rank as ``id``. Compares by value, can be pickled."""

    __slots__ = ("name", "id")

    def __init__(self, name, id):
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
    name = host.name if worker_name is None else name_of(host, worker_name)
    return WorkerInfo(name, host.ids[name])


def get_worker_infos():
    """Return the group, by rank."""
    host = hosts.current()
    return [WorkerInfo(name, rank) for rank, name in sorted(host.names.items())]


def name_of(host, to):
    """Return the name of the worker that a name, a rank or a WorkerInfo stands for."""
    name = to
    if isinstance(to, WorkerInfo):
        name = to.name
    elif isinstance(to, int) and not isinstance(to, bool):
        name = host.names.get(to)
    elif not isinstance(to, str):
        raise TypeError(f"a worker is given by its name, its rank or a WorkerInfo, not by {to!r}")
    if name not in host.ids:
        raise ValueError(f"unknown worker {to!r}; there are {', '.join(sorted(host.ids))}")
    return name


public(get_worker_info, get_worker_infos)
