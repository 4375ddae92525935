package main_test

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/agent"
	"github.com/gopyrpc/gopyrpc/internal/interpreters"
)

// TestAStoresWordProvesNothing: somebody who can write to the store sends a worker elsewhere. What listens there has to prove the
// name of rank 0, and cannot; nor can a guest be rank 0.
func TestAStoresWordProvesNothing(t *testing.T) {
	python := interpreters.Find(t).Executable
	const secret = "a secret that is long enough"
	eves, err := agent.TokenFor(secret, "eve")
	require.NoError(t, err)
	address := "127.0.0.1:" + freePort(t)
	program := write(t, "program.py", `
import os, sys
import gopyrpc as rpc
name, rank, method = sys.argv[1:]
rpc.init_rpc(name, rank=int(rank), world_size=2, rpc_backend_options=rpc.RpcBackendOptions(init_method=method))
print("met")
`)
	runIn(t, []string{"GOPYRPC_TOKEN=" + eves}, python, program, "eve", "0", "gopyrpc://"+address)
	for says, want := range map[string]string{
		"w0=" + address:  "there is worker eve, not worker w0",
		"cli=" + address: "cli is a guest here",
	} {
		victim := runIn(t, []string{"GOPYRPC_TOKEN=" + secret}, python, program, "w1", "1", "file://"+forged(t, says))
		assert.Equal(t, 1, victim.ended(t), says)
		assert.Contains(t, victim.err.String(), want)
	}
}

// forged is a file that says where rank 0 of the first group of two is.
func forged(t *testing.T, says string) string {
	t.Helper()
	var data []byte
	for _, text := range []string{"/gopyrpc/0/2/0", says} {
		data = binary.NativeEndian.AppendUint32(data, uint32(len(text)))
		data = append(data, text...)
	}
	file := filepath.Join(t.TempDir(), "meeting")
	require.NoError(t, os.WriteFile(file, data, 0o600))
	return file
}
