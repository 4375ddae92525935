"""A module that gives names which it has not, as many packages do to import their parts late."""


def __getattr__(name):
    if name.startswith("_"):
        raise AttributeError(name)
    import sideeffect

    return sideeffect


def work():
    return 1
