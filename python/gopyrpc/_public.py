"""The public names of what programs import from the package."""

from ._builtins import snapshot as __builtins__  # noqa: F401 - see _builtins

from sys import modules
from types import FunctionType

from ._name import PACKAGE


def public(*objects):
    """Have classes, their methods, and functions say that the package defines them.

    Pickles, entries of allow-lists (``gopyrpc:RRef.is_owner``) and tracebacks name them
    by the package, and not by the private module that has them, which may move. The package has
    the objects from now on, and not only once a program has asked for them: a name that a module
    would make late is none for an allow-list.
    """
    package = vars(modules[PACKAGE])
    for obj in objects:
        obj.__module__ = PACKAGE
        package[obj.__name__] = obj
        if isinstance(obj, type):
            for member in vars(obj).values():
                member = getattr(member, "__func__", member)
                if type(member) is FunctionType:
                    member.__module__ = PACKAGE
