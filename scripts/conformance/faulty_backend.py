"""torch's kind of agent FAULTY_TENSORPIPE and its options, as torch.distributed.rpc._testing has them, on gopyrpc.

What is to fail goes to the library by a file that FAULTY_AGENT names: see agent/pyworker/faulty.
"""

import json
import os
import re
import sys
from types import ModuleType

from gopyrpc import backend_registry
from gopyrpc.options import RpcBackendOptions

NAME = "FAULTY_TENSORPIPE"

#: The tests in which what a worker sends itself is lost or late: a call to oneself uses no transport. One such test sleeps
#: for longer than its time anyway, and is not among these.
TO_SELF = re.compile(r"_(dropped_(pickle|timeout)|(builtin|script)_delay_timeout)_to_self$")


class FaultyTensorPipeRpcBackendOptions(RpcBackendOptions):
    def __init__(self, *, num_fail_sends, messages_to_fail, messages_to_delay, **others):
        super().__init__(**others)
        self.num_fail_sends = num_fail_sends
        self.messages_to_fail = messages_to_fail
        self.messages_to_delay = messages_to_delay


def init(store, name, rank, world_size, rpc_backend_options):
    """Start an agent whose sending fails as the options say."""
    said = rpc_backend_options
    file = os.environ["FAULTY_AGENT"]
    with open(file, "w") as out:
        json.dump({name: getattr(said, name) for name in ("num_fail_sends", "messages_to_fail", "messages_to_delay")}, out)
    own = backend_registry.BackendType.GOPYRPC
    options = backend_registry.construct_rpc_backend_options(own, rpc_timeout=said.rpc_timeout, init_method=said.init_method,
                                                             num_worker_threads=said.num_worker_threads)
    try:
        return backend_registry.init_backend(own, store=store, name=name, rank=rank, world_size=world_size, rpc_backend_options=options)
    finally:
        os.remove(file)


def register():
    """Have the kind of agent, and the module by which torch has it."""
    module = ModuleType("torch.distributed.rpc._testing", __doc__)
    module.FaultyTensorPipeRpcBackendOptions = FaultyTensorPipeRpcBackendOptions
    module.is_available = lambda: True
    sys.modules[module.__name__] = module
    backend_registry.register_backend(NAME, FaultyTensorPipeRpcBackendOptions, init)
