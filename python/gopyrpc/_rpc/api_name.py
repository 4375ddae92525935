"""The public module ``api``, whose functions a program may replace, for those that are called by others of it."""

from .._builtins import snapshot as __builtins__  # noqa: F401 - see _builtins

from sys import modules

from .._name import PACKAGE

API = PACKAGE + ".api"


def as_replaced(function):
    """Return what the public module has under the name of *function*, where a program has put something else there."""
    return vars(modules[API]).get(function.__name__, function) if API in modules else function
