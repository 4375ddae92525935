"""The agent as an object: what ``torch.distributed.rpc.api._get_current_rpc_agent()`` returns."""

from .._builtins import snapshot as __builtins__  # noqa: F401 - see _builtins

from .._public import public
from . import all_gather, group, hosts
from .lacking import lacking
from .workers import WorkerInfo, name_of


class RpcAgent:
    """An agent of this process: who it is, and who else there is."""

    __slots__ = ("_host",)

    def __init__(self, host):
        self._host = host

    @property
    def name(self):
        return self._host.name

    @property
    def is_static_group(self):
        return not self._host.grows

    def get_worker_info(self, worker=None):
        """Return the WorkerInfo of a worker, given by name or rank, by default of this one."""
        host = self._host
        host.refresh()
        name = host.name if worker is None else name_of(host, worker)
        return WorkerInfo(name, host.known[name])  # it may leave meanwhile

    def get_worker_infos(self):
        """Return the group, by rank."""
        self._host.refresh()
        return [WorkerInfo(name, rank) for rank, name in sorted(self._host.names.items())]

    def get_timeout(self):
        return self._host.timeout

    def join(self, shutdown=False, timeout=0):
        """Wait for all workers; to *shutdown*, leave with them, too."""
        if shutdown:
            hosts.acting_for(self._host, group.shutdown, True, timeout)
        else:
            hosts.acting_for(self._host, all_gather._wait_all_workers, timeout)

    def sync(self):
        self.join()

    def shutdown(self):
        """Leave without the others. It is not an error to have left."""
        if not self._host.closed:
            hosts.acting_for(self._host, group.shutdown, False)

    def get_debug_info(self):
        """Return counts, as text, under torch's names where torch has them."""
        counts = {name: str(value) for name, value in self._host.debug_info()[0].items()}
        if "threads" in vars(self._host):  # as many as init_rpc was given: they come as calls need them
            counts["agent.thread_pool_size"] = str(self._host.threads)
        return counts

    def get_metrics(self):
        return self.get_debug_info()

    def _get_device_map(self, worker):
        raise lacking("device maps")

    def __repr__(self):
        return f"<{type(self).__name__} {self._host.name!r}, rank {self._host.rank}>"


# torch's name, for programs that ask what kind of agent there is.
TensorPipeAgent = RpcAgent


def _get_current_rpc_agent():
    """Return the agent that calls are made by here; RuntimeError where there is none."""
    host = hosts.current()
    agent = vars(host).get("agent")
    if agent is None:
        agent = host.agent = RpcAgent(host)
    return agent


def _is_current_rpc_agent_set():
    """Tell whether this process has an agent."""
    return hosts.find() is not None


def _rref_context_get_debug_info():
    """Return counts of the RRefs, as text, under torch's names."""
    return {name: str(value) for name, value in hosts.current().debug_info()[1].items()}


def _get_debug_info():
    """Return all counts, as text, by name."""
    return {**_rref_context_get_debug_info(), **_get_current_rpc_agent().get_debug_info()}


public(RpcAgent, _get_current_rpc_agent, _is_current_rpc_agent_set, _rref_context_get_debug_info, _get_debug_info)
