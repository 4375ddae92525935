"""What an agent is made with, beside its name and its group. Counterpart of ``torch.distributed.rpc.options``."""

from ._builtins import snapshot as __builtins__  # noqa: F401 - see _builtins

from ._rpc.options import RpcBackendOptions, TensorPipeRpcBackendOptions

__all__ = ["RpcBackendOptions", "TensorPipeRpcBackendOptions"]
