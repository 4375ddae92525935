package procmem_test

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/internal/procmem"
)

// TestReadSeesMemory: what the process takes into use shows, in bytes.
func TestReadSeesMemory(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("there is no /proc")
	}
	before, err := procmem.Read()
	require.NoError(t, err)
	const more = 64 << 20
	block := make([]byte, more)
	for i := 0; i < more; i += 4096 {
		block[i] = 1
	}
	after, err := procmem.Read()
	require.NoError(t, err)
	runtime.KeepAlive(block)
	assert.Greater(t, after.Resident, before.Resident+more/2)
	assert.GreaterOrEqual(t, after.Virtual, after.Resident)
}
