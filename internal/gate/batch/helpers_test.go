package batch_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/gopyrpc/gopyrpc/internal/gate"
	"github.com/gopyrpc/gopyrpc/internal/gate/batch"
	"github.com/gopyrpc/gopyrpc/internal/gate/gatetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// site is a gate and its Queue.
type site struct {
	*gate.Gate
	*batch.Queue
}

// opened gives a gate that admits.
func opened(t *testing.T, o gate.Options) *site {
	t.Helper()
	g := gatetest.Opened(t, o)
	return &site{g, batch.New(g)}
}
