// Package agent is the RPC agent: workers that form a group, call each other, and share values by
// reference. It is the counterpart of torch's RpcAgent and TensorPipeAgent, in Go alone: it carries
// bytes, and an [Executor], which others provide, makes something of them.
//
//	a, err := agent.New(agent.Config{Name: "w0", Rank: 0, Executor: executor,
//		Rendezvous: &agent.Rendezvous{Address: "127.0.0.1:29500", WorldSize: 2, Host: true},
//		Listen:     "127.0.0.1:29500"})
//	go a.Serve()
//	err = a.WaitReady(ctx)                                        // the whole group is there
//	reply, err := a.Call(ctx, "w1", agent.Request{Body: agent.Bytes(pickle)})
//	future := a.CallAsync(ctx, "w1", request)                     // Wait, Done, Then, Cancel
//	rref, err := a.Remote(ctx, "w1", request, nil)                // ToHere, Fork, Release
//	report, err := a.Join(ctx)                                    // together; Shutdown alone
//
// # Calls
//
// A call ends exactly once: with a reply or with an [Error]. A request is executed at most once; it is never sent
// again by itself, and Error.Ran says whether it may have run. Deadlines travel and end the execution, a
// caller who gives up has the peer told. A call to the worker itself takes the same way without the network.
//
// Between two workers there is one gRPC stream in each direction that is used, described in proto/agent.proto.
// Where both ends can share memory the frames go through that, and the stream only says who lives.
// Large bodies go in chunks, so that small calls pass them. What waits, in messages and bytes, is bounded for
// each peer and in all, see [Limits]; beyond the bounds a call is refused with codes.ResourceExhausted.
// When the connection is lost the calls on it fail, and the next call connects again, with pauses that grow while
// that fails. Keepalive finds peers that have vanished without a word.
//
// # Who may call
//
// A peer that can call can run code. By default the agent listens on the loopback interface only. Beyond it, it
// wants [TLS] with a CA (every worker has a certificate of its name), or TLS and a [Token]; New refuses
// anything less unless Config.Insecure is set. Two agents with tokens prove them to each other, on each connection,
// before anything else is sent; see package handshake. Without TLS that keeps strangers out, and not who can
// stand between the two. A [Policy] says what which worker may have called; the Executor
// finds it with [PeerFrom] and enforces it. Connections that do not prove who they are cost one place among
// few, for a short time, and keep nobody else out.
//
// # RRefs
//
// An [RRef] is a reference to a value at its owner; the value lives until every worker has released its
// RRefs. [RRef.Fork] makes bytes that travel inside a body, [Agent.Adopt] makes an RRef of them at the
// receiver. The protocol is torch's: the owner knows each user; a user's release is only told to the owner once the
// owner knows of all that were forked from it. The agent sees opaque [Value] objects.
//
// An RRef is a capability. Its id can be guessed and opens nothing: the owner serves the worker that shows its own fork's secret, and takes
// up a new user by the word of one that it has, given for that worker and good once.
//
// # The end
//
// [Agent.Join] waits until every worker has called it and nobody has anything to do, gives back RRefs, and
// closes; [Agent.Shutdown] closes at once. Both run Config.Cleanup, in which the agent has a step in the phase
// agent (stop and drain) and one in the phase rrefs (release the values), before Python is touched.
//
// # Who may call what, from where
//
// All methods may be called from any goroutine. Call, Join, Shutdown, WaitReady, Future.Wait, RRef.ToHere,
// RRef.Fork, RRef.LocalValue block as long as their context allows; CallAsync, Remote, Adopt and Release do not
// block. None may be called with Python's GIL held: they wait for other goroutines, which may be waiting for it.
// The Executor, the methods of Value and the callbacks of Then run on goroutines of their own.
//
// # Unlike torch
//
// A call that is cancelled or times out is cancelled at the callee, too. Nested calls to oneself cannot
// exhaust a pool of threads. A Remote that fails before it runs fails at ToHere, at once. A restarted worker
// is recognised: RRefs to its former values fail with ErrOwnerGone, and what it held is released. The state of
// RRefs belongs to the agent and not to the process. A join that times out names who was waited for.
package agent
