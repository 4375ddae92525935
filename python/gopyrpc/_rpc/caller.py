"""Caller: a worker whose requests are served, and its allow-list."""

from .._builtins import snapshot as __builtins__  # noqa: F401 - see _builtins

from .._errors import DeserializeError, ForbiddenGlobal, entry_for
from .._introspect import text_of, type_module, type_qualname
from .._pickling import by_class
from .._restricted.canonical import Names, load_beside
from .hosts import serving

_policies = {}


class Caller:
    """A worker that may ask. Go has one for each, and hands it over with each request."""

    __slots__ = ("host", "name", "policy")

    def __init__(self, host, name, allow=None):
        self.host = host
        self.name = name
        self.policy = None if allow is None else _policy(tuple(allow))

    def make_names(self, names):
        """Return the Names of what this worker sends, where it is restricted: they know whose they are."""
        return Names(self, names)

    def load(self, data, beside):
        """Return what a canonical pickle of this worker's stands for; raises DeserializeError."""
        try:
            return load_beside(data, beside)
        except DeserializeError as exc:
            self.tell_refused(exc.__cause__)
            raise

    def tell_refused(self, exc):
        """Have it logged if *exc* is the refusal of a name."""
        if type(exc) is ForbiddenGlobal:
            self.host.refused(self.name, exc.global_name, str(exc), entry_for(exc))

    def enter(self):
        """Serve this worker in the context that there is."""
        serving.set(self)
        if self.policy is not None:
            by_class.required.set(True)


def _policy(allow):
    from .._restricted.allow_list import AllowList

    if allow not in _policies:
        _policies[allow] = AllowList(allow)
    return _policies[allow]


def method_of(value, name):
    """Return a method of a value; raise ForbiddenGlobal unless the worker that is being served may call it."""
    caller = serving.get()
    if caller is None or caller.policy is None:
        return getattr(value, name)
    try:
        return caller.policy.method(value, name)
    except ForbiddenGlobal:
        cls = value if isinstance(value, type) else type(value)
        name = text_of(name)
        target = f"{type_module(cls)}:{type_qualname(cls)}.{name}"
        refusal = ForbiddenGlobal(
            f"{target} is not allowed: worker {caller.name} may not call that method without the entry {target}", target
        )
        caller.tell_refused(refusal)
        raise refusal from None
