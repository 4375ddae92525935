// Package pyworker makes a worker of a Python interpreter. A worker is an agent (package agent) that runs Python functions
// through package handler. With the embedded package gopyrpc (rpc_sync, rpc_async, remote, RRef), those functions call
// other workers. In torch, init_rpc binds TensorPipeAgent and PythonRpcHandler together in the same way.
//
//	w, err := pyworker.New(ctx, rt, pyworker.Config{Config: agent.Config{Name: "w0", ...}})
//	go w.Serve()
//	result, err := w.RunUDF(ctx, "w1", payload) // as Handler.RunUDF, on another worker
//	report, err := w.Agent().Join(ctx)
//
// A call travels as its pickle; a call with tensors travels in the flat form of package handler/wire. The agent's Policy
// is enforced while a peer's pickles are read, before Python is entered.
package pyworker
