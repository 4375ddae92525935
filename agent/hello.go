package agent

import (
	"google.golang.org/grpc/metadata"

	"github.com/gopyrpc/gopyrpc/agent/internal/security"
	agentpb "github.com/gopyrpc/gopyrpc/agent/proto"
)

// hello is what this agent says of itself, in the metadata of each request and reply.
func (a *Agent) hello(nonce []byte) metadata.MD {
	return security.Metadata(&agentpb.Hello{
		Version: security.ProtocolVersion, Name: a.config.Name, Rank: int32(a.Rank()),
		Incarnation: a.incarnation, MaxMessage: uint64(a.limits.MaxMessage),
		Nonce: nonce, Shared: uint64(max(a.limits.Shared, 0)),
	})
}
