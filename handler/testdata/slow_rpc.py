"""An RPC module whose import takes as long as a test wants it to."""

import udfs

udfs.hook()

from gopyrpc.internal import (  # noqa: E402, F401
    PythonUDF,
    RemoteException,
    _handle_exception,
    _run_function,
    deserialize,
    serialize,
)
