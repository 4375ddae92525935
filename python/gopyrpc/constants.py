"""The defaults, under the names of ``torch.distributed.rpc.constants``. Times are in seconds."""

from ._builtins import snapshot as __builtins__  # noqa: F401 - see _builtins

DEFAULT_RPC_TIMEOUT_SEC = 60.0
DEFAULT_INIT_METHOD = "env://"
DEFAULT_SHUTDOWN_TIMEOUT = 0  # no timeout
DEFAULT_NUM_WORKER_THREADS = 16  # accepted and not used: threads are started as calls need them
UNSET_RPC_TIMEOUT = -1.0  # stands for the group's default
