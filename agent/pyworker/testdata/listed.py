"""A module that an allow-list has as a whole."""


class Listed:
    def plain(self):
        return 1

    def __call__(self):
        return "called"
