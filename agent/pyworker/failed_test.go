package pyworker_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"google.golang.org/grpc/codes"

	"github.com/gopyrpc/gopyrpc/agent"
	"github.com/gopyrpc/gopyrpc/agent/pyworker"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// TestFailedSpeaksNoGo: Python puts torch's words before the text of a deadline, and Go's own words for one are left out, whether
// the deadline was noticed here, or at the callee, whose text has the stack of what it interrupted.
func TestFailedSpeaksNoGo(t *testing.T) {
	for text, want := range map[string]string{
		"the call: context deadline exceeded":                                             "the call",
		"call from worker w1 was interrupted: context deadline exceeded\n  File \"x.py\"": "call from worker w1 was interrupted\n  File \"x.py\"",
	} {
		err := &agent.Error{Code: codes.DeadlineExceeded, Worker: "w0", Text: text, Ran: true}
		assert.Equal(t, pybridge.Tuple{"DeadlineExceeded", "w0", true, want}, pyworker.Failed(err))
	}
}
