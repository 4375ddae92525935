"""The pickles within the record of an exception that came from a restricted peer."""

from .._builtins import snapshot as __builtins__  # noqa: F401 - see _builtins

from _pickle import loads

from .._errors import ForbiddenGlobal


class Nested:
    """The canonical pickle of an exception's arguments or attributes, or why there is none.

    *beside* has the objects for the pickle's NEXT_BUFFERs, where a str is the name of an object. Where
    *data* is None, *beside* is the name that was refused, and the reason.
    """

    __slots__ = ("_data", "_beside", "_policy")

    def __init__(self, data, beside, policy):
        self._data = data
        self._beside = beside
        self._policy = policy

    def __len__(self):
        """Return how many bytes arrived."""
        if self._data is None:
            return 1
        return len(self._data) + sum(map(len, self._beside))

    def load(self):
        """Return the object that the pickle stands for, or raise what unpickling raises."""
        if self._data is None:
            name, text = self._beside
            raise ForbiddenGlobal(text, name)
        find = self._policy.given
        return loads(self._data, buffers=[find(part) if type(part) is str else part for part in self._beside])

    def __reduce__(self):
        raise TypeError("a part of a remote exception's record travels as a pickle of what it stands for")
