"""The mark of functions in the middle of which no interruption is raised, nor in what they call.

The mark is for functions that other calls depend on, such as the function that hands out the outcomes of calls:
no other code does what it leaves undone. The mark holds for 2 s; pybridge/python/interrupt.py says why.
"""

from ._builtins import snapshot as __builtins__  # noqa: F401 - see _builtins

import sys

from ._name import BRIDGE

# There is no mark where nothing interrupts: without the bridge, or where the package was imported before the bridge.
uninterruptible = getattr(sys.modules.get(BRIDGE), "uninterruptible", lambda function: function)
