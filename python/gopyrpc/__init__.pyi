from collections.abc import Awaitable, Callable, Generator, Iterable, Mapping
from concurrent.futures import Future as _ConcurrentFuture
from contextlib import AbstractContextManager
from os import PathLike
from enum import Enum
from typing import Any, Final, Generic, Protocol, TypeVar, overload
from typing_extensions import Self, TypeAlias

from . import (
    api as api,
    backend_registry as backend_registry,
    constants as constants,
    functions as functions,
    options as options,
    rref_proxy as rref_proxy,
)
from .internal import (
    DeserializeError as DeserializeError,
    InvalidDestination as InvalidDestination,
    PythonUDF as PythonUDF,
    RemoteError as RemoteError,
    RemoteException as RemoteException,
    RpcConnectionError as RpcConnectionError,
    RpcError as RpcError,
    RpcTimeoutError as RpcTimeoutError,
    SerializeError as SerializeError,
    UnknownWorker as UnknownWorker,
    WorkerInfo as WorkerInfo,
)

__version__: Final[str]

__all__ = [
    "BackendType",
    "DeserializeError",
    "Future",
    "InvalidDestination",
    "PyRRef",
    "PythonUDF",
    "RRef",
    "RRefProxy",
    "RpcAgent",
    "RemoteError",
    "RemoteException",
    "RpcBackendOptions",
    "RpcConnectionError",
    "RpcError",
    "RpcTimeoutError",
    "SerializeError",
    "TensorPipeAgent",
    "TensorPipeRpcBackendOptions",
    "UnknownWorker",
    "WorkerInfo",
    "api",
    "backend_registry",
    "collect_all",
    "constants",
    "enable_gil_profiling",
    "functions",
    "get_rpc_timeout",
    "get_worker_info",
    "get_worker_infos",
    "init_rpc",
    "install_as_torch_rpc",
    "is_available",
    "options",
    "remote",
    "rpc_async",
    "rpc_sync",
    "rref_proxy",
    "shutdown",
    "wait_all",
]

_T = TypeVar("_T")
_S = TypeVar("_S")
_T_co = TypeVar("_T_co", covariant=True)

# How a worker is named.
_To: TypeAlias = str | int | WorkerInfo

# A future of torch's kind, which a function of async_execution returns. The call's value is the future's.
class _TorchFuture(Protocol[_T_co]):
    def wait(self) -> _T_co: ...
    def then(self, callback: Any) -> Any: ...

_Later: TypeAlias = Awaitable[_T] | _TorchFuture[_T] | _ConcurrentFuture[_T]

# Calls.

@overload
def rpc_sync(
    to: _To,
    func: Callable[..., _Later[_T]],
    args: Iterable[Any] | None = None,
    kwargs: Mapping[str, Any] | None = None,
    timeout: float | None = -1.0,
) -> _T: ...
@overload
def rpc_sync(
    to: _To,
    func: Callable[..., _T],
    args: Iterable[Any] | None = None,
    kwargs: Mapping[str, Any] | None = None,
    timeout: float | None = -1.0,
) -> _T: ...
@overload
def rpc_async(
    to: _To,
    func: Callable[..., _Later[_T]],
    args: Iterable[Any] | None = None,
    kwargs: Mapping[str, Any] | None = None,
    timeout: float | None = -1.0,
) -> Future[_T]: ...
@overload
def rpc_async(
    to: _To,
    func: Callable[..., _T],
    args: Iterable[Any] | None = None,
    kwargs: Mapping[str, Any] | None = None,
    timeout: float | None = -1.0,
) -> Future[_T]: ...
@overload
def remote(
    to: _To,
    func: Callable[..., _Later[_T]],
    args: Iterable[Any] | None = None,
    kwargs: Mapping[str, Any] | None = None,
    timeout: float | None = -1.0,
) -> RRef[_T]: ...
@overload
def remote(
    to: _To,
    func: Callable[..., _T],
    args: Iterable[Any] | None = None,
    kwargs: Mapping[str, Any] | None = None,
    timeout: float | None = -1.0,
) -> RRef[_T]: ...
def get_rpc_timeout() -> float: ...
def _set_rpc_timeout(seconds: float) -> None: ...

class Future(Generic[_T]):
    def __new__(cls, *, devices: Iterable[Any] | None = None) -> Self: ...
    def __init__(self, *, devices: Iterable[Any] | None = None) -> None: ...
    def done(self) -> bool: ...
    def wait(self, timeout: float | None = None) -> _T: ...
    def value(self) -> _T: ...
    def exception(self) -> BaseException | None: ...
    def set_result(self, result: _T) -> None: ...
    def set_exception(self, exception: BaseException) -> None: ...
    def then(self, callback: Callable[[Future[_T]], _S]) -> Future[_S]: ...
    def add_done_callback(self, callback: Callable[[Future[_T]], object]) -> None: ...
    def __await__(self) -> Generator[Any, Any, _T]: ...

def collect_all(futures: Iterable[Future[_T]]) -> Future[list[Future[_T]]]: ...
def wait_all(futures: Iterable[Future[_T]]) -> list[_T]: ...
def _wait_all() -> AbstractContextManager[None]: ...

# References to values of other workers.

class RRef(Generic[_T]):
    def __init__(self, value: _T, type_hint: Any = None) -> None: ...
    def owner(self) -> WorkerInfo: ...
    def owner_name(self) -> str: ...
    def is_owner(self) -> bool: ...
    def confirmed_by_owner(self) -> bool: ...
    def to_here(self, timeout: float | None = -1.0) -> _T: ...
    def local_value(self) -> _T: ...
    def rpc_sync(self, timeout: float | None = -1.0) -> RRefProxy: ...
    def rpc_async(self, timeout: float | None = -1.0) -> RRefProxy: ...
    def remote(self, timeout: float | None = -1.0) -> RRefProxy: ...
    def _get_type(self, timeout: float | None = -1.0, blocking: bool = True) -> Any: ...
    def _get_future(self) -> Future[None]: ...
    def _serialize(self) -> tuple[Any, ...]: ...
    @staticmethod
    def _deserialize(serialized: tuple[Any, ...]) -> RRef[Any]: ...

PyRRef = RRef

class RRefProxy:
    rref: RRef[Any]
    rpc_api: Callable[..., Any]
    rpc_timeout: float | None
    def __init__(self, rref: RRef[Any], rpc_api: Callable[..., Any], timeout: float | None) -> None: ...
    def __getattr__(self, name: str) -> Callable[..., Any]: ...

def _rref_typeof_on_owner(rref: RRef[_T], blocking: bool = True) -> Any: ...
def _rref_typeof_on_user(rref: RRef[_T], timeout: float | None = -1.0, blocking: bool = True) -> Any: ...

# The group.

class BackendType(Enum):
    GOPYRPC = "GOPYRPC"
    TENSORPIPE = "GOPYRPC"

_Path: TypeAlias = str | PathLike[str] | None
# Everybody's, or a worker's own.
_Each: TypeAlias = float | str | Iterable[str] | Mapping[str, float | str] | None

class RpcBackendOptions:
    num_worker_threads: int
    rpc_timeout: float
    init_method: str
    device_maps: dict[str, Any]
    devices: list[Any]
    tls_cert: _Path
    tls_key: _Path
    tls_ca: _Path
    token_file: _Path
    token: str | None
    listen: str | None
    advertise: str | None
    insecure: bool | None
    allow: Iterable[str] | None
    guest: Iterable[str] | None
    max_message: int | str | None
    max_call_time: _Each
    max_minute_time: _Each
    max_result: _Each
    max_calls: _Each
    rref_lease: float | str | None
    log_level: str | None
    print_failures: bool | None
    def __init__(
        self,
        *,
        num_worker_threads: int = 16,
        rpc_timeout: float = 60.0,
        init_method: str = "env://",
        device_maps: Mapping[str, Any] | None = None,
        devices: Iterable[Any] | None = None,
        _transports: Iterable[str] | None = None,
        _channels: Iterable[str] | None = None,
        tls_cert: _Path = None,
        tls_key: _Path = None,
        tls_ca: _Path = None,
        token_file: _Path = None,
        token: str | None = None,
        listen: str | None = None,
        advertise: str | None = None,
        insecure: bool | None = None,
        allow: Iterable[str] | None = None,
        guest: Iterable[str] | None = None,
        max_message: int | str | None = None,
        max_call_time: _Each = None,
        max_minute_time: _Each = None,
        max_result: _Each = None,
        max_calls: _Each = None,
        rref_lease: float | str | None = None,
        log_level: str | None = None,
        print_failures: bool | None = None,
    ) -> None: ...
    def set_device_map(self, to: str, device_map: Mapping[Any, Any]) -> None: ...
    def set_devices(self, devices: Iterable[Any]) -> None: ...

class TensorPipeRpcBackendOptions(RpcBackendOptions): ...

class RpcAgent:
    @property
    def is_static_group(self) -> bool: ...
    def __init__(self, host: Any) -> None: ...
    @property
    def name(self) -> str: ...
    def get_worker_info(self, worker: str | int | None = None) -> WorkerInfo: ...
    def get_worker_infos(self) -> list[WorkerInfo]: ...
    def get_timeout(self) -> float: ...
    def join(self, shutdown: bool = False, timeout: float = 0) -> None: ...
    def sync(self) -> None: ...
    def shutdown(self) -> None: ...
    def get_debug_info(self) -> dict[str, str]: ...
    def get_metrics(self) -> dict[str, str]: ...

TensorPipeAgent = RpcAgent

def install_as_torch_rpc() -> None: ...
def enable_gil_profiling(*args: Any, **kwargs: Any) -> None: ...
def _get_current_rpc_agent() -> RpcAgent: ...
def _is_current_rpc_agent_set() -> bool: ...
def _get_debug_info() -> dict[str, str]: ...
def _rref_context_get_debug_info() -> dict[str, str]: ...
def _delete_all_user_and_unforked_owner_rrefs(timeout: float = 0) -> None: ...

def init_rpc(
    name: str | None = None,
    backend: Any = None,
    rank: int | None = -1,
    world_size: int | None = None,
    rpc_backend_options: Any = None,
) -> None: ...
def _init_rpc_backend(
    backend: Any = None,
    store: Any = None,
    name: str | None = None,
    rank: int | None = -1,
    world_size: int | None = None,
    rpc_backend_options: Any = None,
) -> None: ...
def shutdown(graceful: bool = True, timeout: float = 0) -> None: ...
def is_available() -> bool: ...
def get_worker_info(worker_name: str | int | WorkerInfo | None = None) -> WorkerInfo: ...
def get_worker_infos() -> list[WorkerInfo]: ...
