// Package pyworker makes a worker of a Python interpreter: an agent (package agent) whose calls run
// Python functions through package handler, and through which the Python functions call others with
// the embedded package gopyrpc (rpc_sync, rpc_async, remote, RRef). It is the counterpart of what binds
// torch's TensorPipeAgent and its PythonRpcHandler together.
//
//	w, err := pyworker.New(ctx, rt, pyworker.Config{Config: agent.Config{Name: "w0", ...}})
//	go w.Serve()
//	result, err := w.RunUDF(ctx, "w1", payload) // as Handler.RunUDF, on another worker
//	report, err := w.Agent().Join(ctx)
//
// A call travels as its pickle, and where it has tensors in the flat form of package handler/wire. What
// the agent's Policy says of a worker is enforced while its pickles are read.
package pyworker
