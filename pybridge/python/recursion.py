"""The recursion limit, which user code may set to what the stacks of the process's threads have room for.
Read when it does. Given: real_setrecursionlimit, highest (0 where CPython itself looks how much room there is),
lowest (the levels that the functions which the bridge calls can count on)."""

# ruff: noqa: F821


def setrecursionlimit(limit, /):
    """Set the maximum depth of the Python interpreter stack, within what the stacks of threads have room for."""
    if type(limit) is int and 0 < limit < lowest:
        raise RecursionError(
            "cannot set the recursion limit to %d: it is the whole process's, which needs %d" % (limit, lowest)
        )
    if not highest or type(limit) is not int or limit <= highest:
        return real_setrecursionlimit(limit)
    real_setrecursionlimit(highest)
    import warnings

    warnings.warn(
        "the recursion limit is now %d, not %d: the threads of this process have stack for no more" % (highest, limit),
        RuntimeWarning,
        2,
    )
