"""What torch has and gopyrpc has not: the errors that say so."""

from .._builtins import snapshot as __builtins__  # noqa: F401 - see _builtins


def lacking(what):
    """Return the exception for a program that asks for *what*. It is a RuntimeError, too."""
    return NotImplementedError(f"gopyrpc does not have {what} yet")
