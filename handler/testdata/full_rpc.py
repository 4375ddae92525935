"""An RPC module that has everything, as torch's has. Its unit knows names that begin with C and I."""

from gopyrpc.internal import (  # noqa: F401
    PythonUDF,
    RemoteException,
    _handle_exception,
    _run_function,
    deserialize,
    serialize,
)


class RRefProxy:
    pass


def rpc_sync(): ...
def rpc_async(): ...
def remote(): ...
def _rref_typeof_on_owner(): ...
def _rref_typeof_on_user(): ...


class Unit:
    """The part of torch.jit.CompilationUnit that is asked."""

    asked = []

    def get_class(self, name):
        self.asked.append(name)
        return name if name.rpartition(".")[2].startswith("C") else None

    def get_interface(self, name):
        return name if name.rpartition(".")[2].startswith("I") else None


_python_cu = Unit()
