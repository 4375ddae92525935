package agent

import (
	"context"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"github.com/gopyrpc/gopyrpc/agent/internal/transport"
	agentpb "github.com/gopyrpc/gopyrpc/agent/proto"
)

// method is what an agent knows of one of the wire's methods. A new one needs its number in agent.proto and a row below.
type method struct {
	// Limited says that it counts against the limits on calls and on requests in execution. What is not limited is the
	// agents' own control, which these limits must not hold up; those on bytes hold for its replies. HasBody says that its requests may have a body; Early is
	// set where early is.
	transport.Traits
	barrier bool // no join waits for it: it belongs to the join itself, or begets no work
	guests  bool // programs that are no workers of the group may ask for it
	// early, where there is one, is called on the goroutine that reads, before the caller's next request is taken. It must
	// not wait; its error refuses the request. The body is there.
	early func(a *Agent, from *Peer, body Body, detail proto.Message) error
	// serve executes a request, on any goroutine.
	serve func(ctx context.Context, a *Agent, from *Peer, req Request, detail proto.Message) (Reply, error)
}

// methods is filled by init, as what it refers to looks methods up.
var methods []method

func init() {
	methods = []method{
		agentpb.Method_METHOD_UNSPECIFIED: unknownMethod,
		// Execute the body, and reply with the result.
		agentpb.Method_METHOD_CALL: {Traits: transport.Traits{Limited: true, HasBody: true}, guests: true, serve: serveCall},
		// Execute the body, and keep the result as an RRef's value. The value is entered early, so that it is known before
		// the caller's next request.
		agentpb.Method_METHOD_REMOTE: {Traits: transport.Traits{Limited: true, HasBody: true, Early: true}, early: beginRemote, serve: aboutRRef(emptyReply(serveNothing))},
		// Reply with a copy of an RRef's value.
		agentpb.Method_METHOD_FETCH: {Traits: transport.Traits{Limited: true}, serve: aboutRRef((*rrefs).serveFetch)},
		// A user enters a fork of an RRef at the owner.
		agentpb.Method_METHOD_RREF_FORK: {serve: aboutRRef(emptyReply((*rrefs).serveFork))},
		// The receiver of a fork tells the sender that the owner knows of it.
		agentpb.Method_METHOD_RREF_ACCEPT: {serve: aboutRRef(emptyReply((*rrefs).serveAccept))},
		// A user releases a fork at the owner.
		agentpb.Method_METHOD_RREF_DELETE: {serve: aboutRRef(emptyReply((*rrefs).serveDelete))},
		// A worker reports to the leader of the join that it has nothing to do.
		agentpb.Method_METHOD_QUIESCE: {barrier: true, serve: serveReport},
	}
}

// unknownMethod is what an older peer makes of a newer one's.
var unknownMethod = method{serve: func(context.Context, *Agent, *Peer, Request, proto.Message) (Reply, error) {
	return Reply{}, failure(codes.Unimplemented, "this worker knows no such method")
}}

func methodOf(m agentpb.Method) *method {
	if m < 0 || int(m) >= len(methods) || methods[m].serve == nil { // a number between two rows is nobody's
		return &unknownMethod
	}
	return &methods[m]
}

func serveCall(ctx context.Context, a *Agent, _ *Peer, req Request, _ proto.Message) (Reply, error) {
	a.count.served.Add(1)
	return guard(a, "Executor.Execute", func() (Reply, error) { return a.config.Executor.Execute(ctx, req) })
}

// rrefMethod serves a request about an RRef: a method of the table of RRefs, as an expression.
type rrefMethod func(t *rrefs, ctx context.Context, from *Peer, ref *agentpb.Reference) (Body, error)

// emptyReply is for what has nothing to reply but an error.
func emptyReply(serve func(*rrefs, *Peer, *agentpb.Reference) error) rrefMethod {
	return func(t *rrefs, _ context.Context, from *Peer, ref *agentpb.Reference) (Body, error) {
		return Body{}, serve(t, from, ref)
	}
}

// aboutRRef is the serve of a method whose detail is a reference.
func aboutRRef(serve rrefMethod) func(context.Context, *Agent, *Peer, Request, proto.Message) (Reply, error) {
	return func(ctx context.Context, a *Agent, from *Peer, _ Request, detail proto.Message) (Reply, error) {
		ref, ok := detail.(*agentpb.Reference)
		if !ok {
			return Reply{}, failure(codes.InvalidArgument, "a request about an RRef without a reference")
		}
		body, err := serve(a.rrefs, ctx, from, ref)
		return Reply{Body: body}, err
	}
}

func beginRemote(a *Agent, from *Peer, body Body, detail proto.Message) error {
	return a.rrefs.serveRemote(from, detail, body)
}

func serveNothing(*rrefs, *Peer, *agentpb.Reference) error { return nil }
