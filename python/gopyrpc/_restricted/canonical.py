"""Loading canonical pickles: the objects that stand beside them."""

from .._builtins import snapshot as __builtins__  # noqa: F401 - see _builtins

from _pickle import loads

from .._errors import describe_unpickling
from .._pickling.pickler import load
from .._tensors.table import has_outer_load


class Names:
    """The functions and classes that canonical pickles of one kind refer to, by *names* in order.

    Go has one for each sequence of names, and hands it over with each such pickle. What
    they stand for is looked up, and held to the list, once; after that only whether the
    names still lead there. *owner* is the AllowList, or what has one as ``policy``. A name
    that is empty is a gap, for something large.
    """

    __slots__ = ("owner", "names", "gaps", "_policy", "_known")

    def __init__(self, owner, names):
        self.owner = owner
        self.names = tuple(names)
        self.gaps = tuple(i for i, name in enumerate(self.names) if not name)
        self._policy = getattr(owner, "policy", owner)
        self._known = None

    def objects(self):
        """Return the objects, in order, None for a gap. Not to be changed. Raises ForbiddenGlobal, or what importing a module does."""
        known = self._known
        if known is not None:
            for namespace, name, obj in known[1]:
                if namespace.get(name) is not obj:
                    break
            else:
                return known[0]
        watched = []
        objects = [self._policy.given(name, watched) if name else None for name in self.names]
        self._known = objects, watched
        return objects


def loads_beside(data, beside):
    """Return the object in a canonical pickle.

    *beside* is its Names, or a pair of them and a list of the large objects of bytes that
    belong in their gaps.
    """
    if type(beside) is not tuple:
        return loads(data, buffers=beside.objects())
    names, buffers = beside
    merged = names.objects().copy()
    for gap, large in zip(names.gaps, buffers):
        merged[gap] = large
    large = None
    buffers.clear()  # what is large goes with what it is for, and not with what Go holds
    return loads(data, buffers=merged)


def load_beside(data, beside):
    """`loads_beside` whose failures are DeserializeErrors; *beside* may be a list of it and a table of tensors."""
    if type(beside) is list:
        beside, tensors = beside
        return load(data, tensors, lambda data: loads_beside(data, beside))
    if has_outer_load():
        return load(data, (), lambda data: loads_beside(data, beside))
    try:
        return loads_beside(data, beside)
    except BaseException as exc:
        data = beside = None  # the traceback keeps this frame
        raise describe_unpickling(exc) from exc
