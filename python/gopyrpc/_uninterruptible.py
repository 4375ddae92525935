"""The mark of functions in the middle of which no interruption is raised, nor in what they call.

For functions that others depend on, such as one that hands out the outcomes of calls: what it
leaves undone, nobody does. The mark holds for two seconds; pybridge/python/interrupt.py says why.
"""

from ._builtins import snapshot as __builtins__  # noqa: F401 - see _builtins

import sys

from ._name import BRIDGE

# There is none where nothing interrupts: without the bridge, or where the package was imported before the bridge needed it.
uninterruptible = getattr(sys.modules.get(BRIDGE), "uninterruptible", lambda function: function)
