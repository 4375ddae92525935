package transport

import (
	"context"

	"google.golang.org/grpc/codes"

	"github.com/gopyrpc/gopyrpc/agent/internal/rpcerr"
	agentpb "github.com/gopyrpc/gopyrpc/agent/proto"
)

// toStatus is what the peer gets to know of an error.
func toStatus(e *rpcerr.Error, ran bool) *agentpb.Status {
	code := e.Code
	if code == codes.OK { // an error made by hand; a failure must be one
		code = codes.Unknown
	}
	return &agentpb.Status{Code: int32(code), Message: rpcerr.ValidText(e.Text), Ran: ran}
}

// causes are the errors that a code stands for on the other side, so that errors.Is works across the wire.
var causes = map[codes.Code]error{
	codes.DeadlineExceeded: context.DeadlineExceeded,
	codes.Canceled:         context.Canceled,
	codes.DataLoss:         rpcerr.ErrOwnerGone,
}

// fromStatus is toStatus in reverse.
func fromStatus(s *agentpb.Status, worker string) *rpcerr.Error {
	code := codes.Code(s.GetCode())
	if code == codes.OK {
		code = codes.Unknown
	}
	return &rpcerr.Error{Code: code, Worker: worker, Text: s.GetMessage(), Ran: s.GetRan(), Err: causes[code]}
}
