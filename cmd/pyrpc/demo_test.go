package main

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestDemo(t *testing.T) {
	dir, err := filepath.Abs(filepath.Join("..", "..", "testdata"))
	require.NoError(t, err)
	out := pyrpc(t, "", "demo", "--dir", dir).ok(t)
	for _, text := range []string{
		"pyrpc.internal\n", "math.hypot(3, 4)", "5.0", "Account('ada', 15)", "demo_udfs.Overdrawn < ValueError",
		"returned: ", "raised: ", "no result: ", "torch.distributed.rpc.internal\n", "GIL and threads", "join\n", "references still owned: 0\n",
		"  [0] a call:         Hello", "worker1 heard from worker0: ", "Account('ada', 15) at worker1\n", "  [0] demo_udfs.Overdrawn: ", "On worker1:\n",
		"  [0] left the group", "  [1] left the group",
	} {
		assert.Contains(t, out, text)
	}
	assert.NotContains(t, out, "UNEXPECTED")
	assert.NotContains(t, out, "leaked")
}

func TestDemoWithoutItsFolder(t *testing.T) {
	dir := t.TempDir()
	here(t, "demo", "--dir", dir).failed(t, 1, filepath.Join(dir, "demo_udfs.py")+" is not there: run the demo from the repository, or name the folder with --dir\n")
}
