"""The package's name, and the names that are made of it.

Names that are matched as text are made of these, here and in Go (internal/pyname). After a change of the
package's name, or of a module's, a literal would match nothing any more, and nothing would say so.
"""

from ._builtins import snapshot as __builtins__  # noqa: F401 - see _builtins

PACKAGE = __name__.partition(".")[0]
MODULES = PACKAGE + "."  # begins the names of the package's modules
INTERNAL = PACKAGE + ".internal"  # the module by which pickles name what is the package's
RESTRICTED = PACKAGE + ".restricted"  # that of stand-ins; no module has the name
BRIDGE = f"_{PACKAGE}_bridge"  # the module that package pybridge brings
INTERRUPTED = PACKAGE + ".Interrupted"  # what the bridge ends a call with whose caller has left
LOGGER = PACKAGE + ".udf"  # the logger of what functions raise
REMOTE = f"__{PACKAGE}_remote__"  # the attribute of an exception that has its RemoteException
