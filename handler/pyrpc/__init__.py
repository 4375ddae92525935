"""Run pickled Python functions for a Go RPC agent.

``pyrpc.internal`` is the module that the agent talks to; its names are those of
``torch.distributed.rpc.internal``. What a user of the package needs is here.

Importing this package imports neither ``pickle``, ``re``, ``traceback`` nor
``logging``: it happens while an agent starts, and most agents need none of them.
"""

from .internal import (
    DeserializeError,
    PythonUDF,
    RemoteError,
    RemoteException,
    SerializeError,
)

__version__ = "0.1.0"

__all__ = [
    "DeserializeError",
    "PythonUDF",
    "RemoteError",
    "RemoteException",
    "SerializeError",
]
