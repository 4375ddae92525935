//go:build linux

package shm

import (
	"bytes"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func lend(t *testing.T, r *Receiver, p Region, n int) *Loan {
	t.Helper()
	l, err := r.Lend(p, int64(n))
	require.NoError(t, err)
	require.Len(t, l.Bytes, n)
	return l
}

// TestLend: what is lent stays as it is while other bodies come, and its region is used again after it.
func TestLend(t *testing.T) {
	s, r := pair(t)
	first := bytes.Repeat([]byte("first"), 1<<16)
	l := lend(t, r, put(t, s, first[:10], first[10:]), len(first))
	for range 3 {
		other := lend(t, r, put(t, s, bytes.Repeat([]byte("other"), 1<<16)), len(first))
		assert.True(t, bytes.HasPrefix(other.Bytes, []byte("other")))
		other.Free()
		other.Free()
	}
	assert.True(t, bytes.Equal(first, l.Bytes))
	assert.Len(t, s.files, 2)
	l.Free()
	put(t, s, first)
	put(t, s, first)
	assert.Len(t, s.files, 2)
}

// TestLend_outlivesTheReceiver and the sender; reading it must not end the process.
func TestLend_outlivesTheReceiver(t *testing.T) {
	s, r := pair(t)
	body := bytes.Repeat([]byte("body"), 1<<16)
	region := put(t, s, body)
	l, again := lend(t, r, region, len(body)), lend(t, r, region, len(body))
	r.Close()
	s.Close()
	r.Close()
	assert.True(t, bytes.Equal(body, l.Bytes))
	l.Free()
	assert.True(t, bytes.Equal(body, again.Bytes))
	again.Free()
	assert.Zero(t, again.mapping.loans)
	_, err := r.Lend(region, 1)
	assert.ErrorIs(t, err, os.ErrClosed)
}

func TestLend_noMoreThanThereIs(t *testing.T) {
	s, r := pair(t)
	region := put(t, s, make([]byte, 1<<20))
	_, err := r.Lend(region, region.Capacity+1)
	assert.ErrorContains(t, err, "in a file of")
	_, err = r.Lend(Region{PID: region.PID, FD: region.FD, File: 9, Capacity: 5}, 1)
	assert.Error(t, err)
}
