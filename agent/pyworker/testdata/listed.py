"""A module that an allow-list has as a whole."""

from os import getpid


class Listed:
    borrowed = getpid

    def plain(self):
        return 1

    def __call__(self):
        return "called"


def shadowed():
    """Return one whose attribute hides a method."""
    one = Listed()
    one.plain = getpid
    return one


class Fake:
    """Has the methods of an RRef."""

    def local_value(self):
        return Listed()
