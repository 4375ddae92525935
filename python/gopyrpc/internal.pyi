from _pickle import PicklingError, UnpicklingError
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import Enum
from typing import Any, NamedTuple, TypeVar
from typing_extensions import Buffer

__all__ = [
    "DeserializeError",
    "ForbiddenGlobal",
    "PythonUDF",
    "RPCExecMode",
    "RemoteError",
    "RemoteException",
    "RemoteTraceback",
    "SerializeError",
    "deserialize",
    "get_worker_name",
    "register_reducer",
    "serialize",
    "set_worker_name",
    "to_table",
]

_T = TypeVar("_T")

class PythonUDF(NamedTuple):
    func: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]

class RPCExecMode(Enum):
    SYNC = "sync"
    ASYNC = "async"
    ASYNC_JIT = "async_jit"
    REMOTE = "remote"

# What pickling raises.

class SerializeError(RuntimeError): ...
class SerializeAttributeError(SerializeError, AttributeError): ...
class SerializePicklingError(SerializeError, PicklingError): ...
class SerializeTypeError(SerializeError, TypeError): ...
class DeserializeError(RuntimeError): ...

class ForbiddenGlobal(UnpicklingError):
    global_name: str
    def __init__(self, message: str = "", global_name: str = "") -> None: ...

# What a function raised elsewhere.

class RemoteTraceback(Exception): ...

class RemoteError(Exception):
    type_module: str
    type_qualname: str
    type_name: str
    message: str
    args_repr: str
    worker: str
    remote_traceback: str
    reason: str
    mro: Sequence[str]
    notes: Sequence[str]
    frames: Sequence[tuple[str, int, str, str]]
    exceptions: Sequence[BaseException]

class RemoteException:
    def __init__(self, msg: str | None, exception_type: type[BaseException] | None) -> None: ...
    @property
    def msg(self) -> str: ...
    @property
    def exception_type(self) -> type[BaseException]: ...
    @property
    def record(self) -> Mapping[str, Any]: ...
    @property
    def worker(self) -> str: ...
    @property
    def type_name(self) -> str: ...
    @property
    def message(self) -> str: ...
    @property
    def mro(self) -> tuple[str, ...]: ...
    @property
    def notes(self) -> tuple[str, ...]: ...
    @property
    def frames(self) -> tuple[tuple[str, int, str, str], ...]: ...
    def to_exception(self) -> BaseException: ...
    def __iter__(self) -> Iterator[Any]: ...

class UnpicklableValue:
    text: str
    def __init__(self, text: str = "") -> None: ...

# How a call fails that brought no outcome of the function.

class RpcError(RuntimeError):
    code: str
    worker: str
    ran: bool
    def __init__(self, message: str = "", code: str = "Unknown", worker: str = "", ran: bool = True) -> None: ...

class RpcTimeoutError(RpcError, TimeoutError): ...
class RpcConnectionError(RpcError, ConnectionError): ...
class UnknownWorker(RuntimeError, ValueError): ...
class NotAFuture(RuntimeError, TypeError): ...
class InvalidDestination(TypeError, ValueError): ...

class WorkerInfo:
    name: str
    id: int
    def __init__(self, name: str, id: int) -> None: ...

# What a value becomes on its way.

def serialize(obj: object) -> tuple[bytes, Sequence[Any]]: ...
def deserialize(data: Buffer, tensor_table: Sequence[Any] = ()) -> Any: ...
def register_reducer(cls: type[_T], reducer: Callable[[_T], str | tuple[Any, ...]]) -> None: ...
def to_table(obj: object) -> tuple[Any, ...]: ...
def get_worker_name() -> str: ...
def set_worker_name(name: str | None) -> None: ...
