package transport

import (
	"context"

	"google.golang.org/protobuf/proto"

	"github.com/gopyrpc/gopyrpc/agent/internal/rpcerr"
	agentpb "github.com/gopyrpc/gopyrpc/agent/proto"
)

// Handler is what the requests of one caller are given to. Begin is called on the goroutine that reads, one request at a
// time and in their order, and the other methods on any, for many requests at once.
type Handler interface {
	// Traits is asked about a request's method before its body has arrived. An error refuses the request.
	Traits(agentpb.Method) (Traits, *rpcerr.Error)
	// Begin is told of a request that will be executed, and must not wait. An error refuses the request.
	Begin(*Request) *rpcerr.Error
	// Execute executes a request that was begun, whose body is there.
	Execute(*Request) (Reply, *rpcerr.Error)
	// End is told when the reply to a request that was begun is out, or never will be.
	End(*Request)
}

// Traits are what a connection has to know of a method.
type Traits struct {
	Limited bool // its requests count against the limits
	HasBody bool // its requests may have a body
	Early   bool // Begin needs the body
}

// Request is what a peer asks for.
type Request struct {
	Context context.Context // ends with the caller's patience, and with the connection
	Method  agentpb.Method
	Detail  proto.Message
	Body    Body          // there when it is executed; before, only for a method that needs it early
	Memory  Memory        // that Body is in; nil for none
	Refusal *rpcerr.Error // the Handler's: why Begin has decided that Execute fails
}

// Reply is what a request is answered with.
type Reply struct {
	Body       Body
	Contiguous bool   // the receiver gets the segments as one
	Release    func() // called once when Body is needed no more; may be nil
	Memory     Memory // of a reply that was received; nil for none
}

// Free gives the memory of a reply that was received back.
func (r Reply) Free() { Free(r.Memory) }

// done tells the Handler that nobody needs the body.
func (r Reply) done() {
	if r.Release != nil {
		r.Release()
	}
}
