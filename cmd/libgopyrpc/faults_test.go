package main

import (
	"os/exec"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestFaultsAreInNoShippedBuild: what has the sending of agents fail is in builds with the tag faulty alone.
func TestFaultsAreInNoShippedBuild(t *testing.T) {
	for tags, want := range map[string]bool{"": false, "faulty": true} {
		packages, err := exec.Command("go", "list", "-deps", "-tags", tags, ".").Output()
		require.NoError(t, err)
		for _, one := range []string{"agent/pyworker/faulty", "agent/internal/transport/faulty"} {
			if want {
				assert.Contains(t, string(packages), one+"\n")
			} else {
				assert.NotContains(t, string(packages), one+"\n")
			}
		}
	}
}
