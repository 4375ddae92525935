from . import RpcBackendOptions as RpcBackendOptions, TensorPipeRpcBackendOptions as TensorPipeRpcBackendOptions

__all__ = ["RpcBackendOptions", "TensorPipeRpcBackendOptions"]
