from collections.abc import Callable
from typing import Any, NamedTuple

from . import BackendType as BackendType

__all__ = [
    "BackendType",
    "BackendValue",
    "backend_registered",
    "construct_rpc_backend_options",
    "init_backend",
    "register_backend",
]

class BackendValue(NamedTuple):
    construct_rpc_backend_options_handler: Callable[..., Any]
    init_backend_handler: Callable[..., Any]

def backend_registered(backend_name: str) -> bool: ...
def register_backend(
    backend_name: str,
    construct_rpc_backend_options_handler: Callable[..., Any],
    init_backend_handler: Callable[..., Any],
) -> Any: ...
def construct_rpc_backend_options(
    backend: Any, rpc_timeout: float = 60.0, init_method: str = "env://", **kwargs: Any
) -> Any: ...
def init_backend(backend: Any, *args: Any, **kwargs: Any) -> Any: ...
