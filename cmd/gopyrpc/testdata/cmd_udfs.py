"""What the tests of the command call by name."""

import functools
import itertools
import sys
import time


class Refused(LookupError):
    pass


def greet(name, **more):
    return f"Hello, {name}" + "".join(f", {key} {value}" for key, value in more.items())


def refuse(name):
    raise Refused(f"not {name}")


def generator():
    return (n for n in ())


def child(statements):
    """What a python3 prints that this process starts, which has what is in os.environ."""
    import subprocess

    return subprocess.run([sys.executable, "-c", statements], capture_output=True, text=True, check=True).stdout


def spawned():
    """The version of the package in a child of multiprocessing, which imports this module."""
    import multiprocessing

    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(package_version)


def package_version():
    import gopyrpc

    return gopyrpc.__version__


def keywords(**kwargs):
    return kwargs


def missing_import():
    import not_there_at_all  # noqa: F401


def values():
    return {"a": [1, 2.5, None, True], "b": ("<&>", {3}), None: 2 + 1j, 7: b"\xff"}


def hostile():
    print("said \x1b]0;title\x07")
    raise Refused("\x1b[2J\u202e\x9b\r\ttab\nw\u00f6rld")


class Loud:
    def __repr__(self):
        return "\x1b[31mred\u202e"


def loud():
    return Loud()


def says(value):
    print("said")
    return value


def text(value):
    return value


def spin():
    print("in", flush=True)
    for _ in itertools.count():
        pass


def tell(path):
    with open(path, "w") as file:
        file.write("in\n")
    for _ in itertools.count():
        pass


def sleep():
    # One call of C: between saying so and sleeping nothing is run that an interruption could be raised in.
    steps = (functools.partial(print, "in", flush=True), functools.partial(time.sleep, 1000))
    list(map(functools.partial.__call__, steps))


def leave(status=None):
    sys.exit(status)
