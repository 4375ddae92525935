"""Counterpart of ``torch.distributed.rpc.rref_proxy``."""

from ._builtins import snapshot as __builtins__  # noqa: F401 - see _builtins

from ._rpc.rref import RRefProxy

__all__ = ["RRefProxy"]
