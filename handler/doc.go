// Package handler runs pickled Python functions: torch's PythonRpcHandler for Go.
//
// A [Handler] imports an RPC module once, on the interpreter's owner thread, keeps the references that
// it needs, and drops them early, when the agent joins. By default the module is gopyrpc.internal, from
// the Python package that this Go package carries; torch.distributed.rpc.internal, or any module with
// the same four functions, can be named instead:
//
//	_run_function(udf)            runs a PythonUDF; what it raises becomes a RemoteException value
//	serialize(obj)                gives (bytes, tensors)
//	deserialize(bytes, tensors)   gives the object
//	_handle_exception(result)     raises what a RemoteException stands for
//
// A module may have more, as torch's has: what [Handler.RRefProxyFunctions], [Handler.RRefTypeFunctions]
// and [Handler.CompilationUnit] give. [Handler.ParseType] reads the types that
// torch's messages name: the parser is package jit.
//
// [Handler.RunUDF] is the road of a served request: bytes in, bytes out, one crossing into Python. The
// other methods are the same in steps, for callers that need to look at the objects in between.
package handler
