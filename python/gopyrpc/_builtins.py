"""A private copy of the builtins, taken before any user code runs.

A user function may do ``builtins.__import__ = None`` or ``del builtins.len``.
The calls that come after that function must work all the same.
Each module of this package therefore starts with::

    from ._builtins import snapshot as __builtins__

CPython looks builtins up through the ``__builtins__`` of a function's globals,
and so does the C pickler when it imports a module (``PyImport_Import``). That
line shields every function of the module, and costs nothing per call.
"""

import builtins

snapshot = dict(vars(builtins))
