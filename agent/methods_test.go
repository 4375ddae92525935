package agent

import (
	"testing"

	"github.com/stretchr/testify/assert"

	agentpb "github.com/gopyrpc/gopyrpc/agent/proto"
)

// Every method of the wire has a row, a guest may ask for calls alone, and other numbers are no method.
func TestMethods(t *testing.T) {
	for number, name := range agentpb.Method_name {
		m := agentpb.Method(number)
		assert.NotNil(t, methodOf(m).serve, name)
		assert.Equal(t, m == agentpb.Method_METHOD_CALL, methodOf(m).guests, name)
		if m != agentpb.Method_METHOD_UNSPECIFIED {
			assert.NotSame(t, &unknownMethod, methodOf(m), name)
		}
	}
	for _, m := range []agentpb.Method{-1, agentpb.Method(len(agentpb.Method_name)), 1 << 30} {
		assert.Same(t, &unknownMethod, methodOf(m), "%d", m)
	}
}
