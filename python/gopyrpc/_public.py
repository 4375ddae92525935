"""The names by which the world knows what programs import from the package."""

from ._builtins import snapshot as __builtins__  # noqa: F401 - see _builtins

from sys import modules
from types import FunctionType

from ._name import PACKAGE


def public(*objects):
    """Have classes and functions say that they are the package's own, and the methods of the classes too.

    Pickles, entries of allow-lists (``gopyrpc:RRef.is_owner``) and tracebacks name them
    by that, and not by the private module that has them, which may move. The package has
    them from now on, and not only once somebody has asked for them: an allow-list makes no
    name that a module would make late.
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
