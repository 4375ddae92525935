"""A module with a __getattr__ for names that it lacks, as many packages have to import their parts late."""


def __getattr__(name):
    if name.startswith("_"):
        raise AttributeError(name)
    import sideeffect

    return sideeffect


def work():
    return 1
