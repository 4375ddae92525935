"""init_rpc."""

from .._builtins import snapshot as __builtins__  # noqa: F401 - see _builtins

from .._public import public
from . import backends
from .api_name import as_replaced
from .current_agent import RpcAgent
from .lacking import lacking


def init_rpc(name=None, backend=None, rank=-1, world_size=None, rpc_backend_options=None):
    """Start this process's agent, and wait until the whole group is there.

    *rank*, *world_size* and where worker 0 is (``MASTER_ADDR``, ``MASTER_PORT``) are taken from the environment where
    they are not given, as launchers set it; *name* is ``worker{rank}`` by default. The options' ``init_method`` may
    say where the group meets: ``tcp://host:port``, or ``file:///path`` of a file that all reach, of which the process
    group may be the same; or ``gopyrpc://host:port``, or ``gopyrpc://name@host:port`` with the name of rank 0, a port
    that no store of torch's has. RuntimeError if there is an agent; ValueError for what is missing or wrong.
    """
    _init_rpc_backend(backend, None, name, rank, world_size, rpc_backend_options)


def _init_rpc_backend(backend=None, store=None, name=None, rank=-1, world_size=None, rpc_backend_options=None):
    """`init_rpc` of a group that meets by a *store* of torch's, where one is given."""
    kind = backends.kind_of(backend, rpc_backend_options)
    options = backends.construct_rpc_backend_options(kind) if rpc_backend_options is None else rpc_backend_options
    agent = backends.init_backend(
        kind, store=store, name=name, rank=rank, world_size=world_size, rpc_backend_options=options
    )
    if type(agent) is not RpcAgent:
        as_replaced(_set_and_start_rpc_agent)(agent)


def _set_and_start_rpc_agent(agent):
    """Have calls made by *agent*, of a kind that a program has registered."""
    raise lacking(f"agents that a program makes itself, as {type(agent).__qualname__} is one:")


public(init_rpc, _init_rpc_backend)
