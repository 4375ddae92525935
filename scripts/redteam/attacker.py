"""The attacker's code for attacks that need a real pickler."""

import pickle

import victim
from gopyrpc.internal import PythonUDF


class Call:
    """An object that pickles as a call."""

    def __init__(self, function, *args, state=None):
        self.parts = (function, args) if state is None else (function, args, state)

    def __reduce__(self):
        return self.parts


def request(value, protocol=4):
    """Return the pickle of a call of victim.echo."""
    return pickle.dumps(PythonUDF(victim.echo, (value,), {}), protocol)


def make(source):
    """Run the code of an attack, and return its payload."""
    namespace = {"Call": Call, "PythonUDF": PythonUDF, "pickle": pickle, "request": request, "victim": victim}
    exec(source, namespace)
    return namespace["payload"]
