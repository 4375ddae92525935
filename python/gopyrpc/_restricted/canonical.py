"""Loading canonical pickles, with the objects that stand beside them."""

from .._builtins import snapshot as __builtins__  # noqa: F401 - see _builtins

from _pickle import loads

from .._errors import describe_unpickling
from .._pickling.pickler import load
from .._tensors.table import has_outer_load


class Names:
    """The functions and classes that canonical pickles of one kind refer to, by *names* in order.

    Go has a Names for each sequence of names, and hands it over with each such pickle. The objects
    are looked up, and checked against the list, once. After that only a check is left whether the
    names still lead there. *owner* is the AllowList, or an object whose ``policy`` is the AllowList. An
    empty name is a gap, for a large object.
    """

    __slots__ = ("owner", "names", "gaps", "_policy", "_known")

    def __init__(self, owner, names):
        self.owner = owner
        self.names = tuple(names)
        self.gaps = tuple(i for i, name in enumerate(self.names) if not name)
        self._policy = getattr(owner, "policy", owner)
        self._known = None

    def objects(self):
        """Return the objects, in order, None for a gap. The caller must not change the list.

        The method raises ForbiddenGlobal, or what the import of a module raises.
        """
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

    *beside* is the pickle's Names, or a pair of the Names and a list of the large objects of bytes for
    the gaps.
    """
    if type(beside) is not tuple:
        return loads(data, buffers=beside.objects())
    names, buffers = beside
    merged = names.objects().copy()
    for gap, large in zip(names.gaps, buffers):
        merged[gap] = large
    large = None
    buffers.clear()  # a large object lives as long as the value that has it, and not as long as Go's list
    return loads(data, buffers=merged)


def load_beside(data, beside):
    """Do what `loads_beside` does, with failures as DeserializeErrors. *beside* may be a list of it and a table of tensors."""
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
