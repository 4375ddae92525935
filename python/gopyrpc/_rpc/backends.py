"""The kinds of agents. There is one here; a program, or its tests, may register others."""

from .._builtins import snapshot as __builtins__  # noqa: F401 - see _builtins

from collections import namedtuple
from enum import Enum

from .._name import PACKAGE
from ..constants import DEFAULT_INIT_METHOD, DEFAULT_NUM_WORKER_THREADS, DEFAULT_RPC_TIMEOUT_SEC
from .current_agent import _get_current_rpc_agent
from .group import join_group
from .options import TensorPipeRpcBackendOptions, are_own, require_options

BackendValue = namedtuple("BackendValue", ("construct_rpc_backend_options_handler", "init_backend_handler"))


def _make_options(
    rpc_timeout, init_method, num_worker_threads=DEFAULT_NUM_WORKER_THREADS, _transports=None, _channels=None, **others
):
    return TensorPipeRpcBackendOptions(
        rpc_timeout=rpc_timeout, init_method=init_method, num_worker_threads=num_worker_threads, **others
    )


def _init(store, name, rank, world_size, rpc_backend_options):
    if not are_own(rpc_backend_options):
        raise TypeError(f"`rpc_backend_options` must be a `TensorPipeRpcBackendOptions`, not {rpc_backend_options!r}")
    join_group(name, rank, world_size, rpc_backend_options, store)
    return _get_current_rpc_agent()


_OWN = PACKAGE.upper()

_kinds = {_OWN: BackendValue(_make_options, _init)}


def _enumeration():
    """Return the kinds as an enumeration. TENSORPIPE is for programs that give torch's name."""
    made = Enum("BackendType", {_OWN: _OWN, "TENSORPIPE": _OWN, **{name: name for name in _kinds}}, module=PACKAGE)
    made.__doc__ = "The kinds of agents. TENSORPIPE is another name of this package's own."
    return made


BackendType = _enumeration()


def backend_registered(backend_name):
    """Tell whether there is a kind of agent of that name."""
    return backend_name in BackendType.__members__


def register_backend(backend_name, construct_rpc_backend_options_handler, init_backend_handler):
    """Add a kind of agent; return it, a member of `BackendType`, which is another enumeration from now on."""
    global BackendType
    if backend_registered(backend_name):
        raise RuntimeError(f"RPC backend {backend_name}: already registered")
    _kinds[backend_name] = BackendValue(construct_rpc_backend_options_handler, init_backend_handler)
    BackendType = _enumeration()
    return BackendType[backend_name]


def kind_of(backend, options):
    """Return the kind of agent that is to be started; TypeError where *backend* or *options* say none.

    It may be one of before the last registration, and TENSORPIPE be torch's own.
    """
    if backend is not None and not (isinstance(backend, Enum) and backend_registered(backend.name)):
        raise TypeError(f"Argument backend must be a member of BackendType, not {backend!r}")
    if options is not None:
        require_options(options)
    if backend is not None:
        return BackendType[backend.name]
    if options is not None and not are_own(options):
        raise TypeError(f"Could not infer backend for options {options!r}: give backend=")
    return BackendType[_OWN]


def construct_rpc_backend_options(
    backend, rpc_timeout=DEFAULT_RPC_TIMEOUT_SEC, init_method=DEFAULT_INIT_METHOD, **kwargs
):
    """Make the options of that kind of agent."""
    make = _kinds[backend.value].construct_rpc_backend_options_handler
    return make(rpc_timeout=rpc_timeout, init_method=init_method, **kwargs)


def init_backend(backend, *args, **kwargs):
    """Start an agent of that kind, and return it."""
    return _kinds[backend.value].init_backend_handler(*args, **kwargs)
