package quota_test

import (
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/gopyrpc/gopyrpc/agent/internal/quota"
)

var (
	requests = &quota.Kind{Limit: "Limits.Serving", Used: "requests are in execution"}
	bytes    = &quota.Kind{Limit: "Limits.Receive", Used: "bytes are held", FirstAlways: true}
)

func TestBudget(t *testing.T) {
	b := quota.New(requests, 2)
	assert.Nil(t, b.Acquire(1))
	assert.Nil(t, b.Acquire(1))
	err := b.Acquire(1)
	assert.Equal(t, codes.ResourceExhausted, status.Code(err))
	assert.EqualError(t, err, "agent: ResourceExhausted: 2 requests are in execution, allowed are 2 (Limits.Serving)")
	b.Release(1)
	assert.True(t, b.TryAcquire(1))
	b.MustAcquire(5)
	assert.EqualValues(t, 7, b.Used())
	assert.False(t, quota.New(requests, 2).TryAcquire(3))
}

// TestBudget_firstAlways: a budget of bytes that nobody uses takes one body of any size.
func TestBudget_firstAlways(t *testing.T) {
	b := quota.New(bytes, 10)
	assert.True(t, b.TryAcquire(100))
	assert.False(t, b.TryAcquire(1))
	b.Release(100)
	assert.True(t, b.TryAcquire(4))
	assert.False(t, b.TryAcquire(7))
}

func TestPair_acquiresOfBothOrNeither(t *testing.T) {
	p := quota.Pair{Own: quota.New(requests, 3), All: quota.New(requests, 1)}
	assert.Nil(t, p.Acquire(1))
	assert.NotNil(t, p.Acquire(1))
	assert.EqualValues(t, 1, p.Own.Used())
	p.Release(1)
	assert.Zero(t, p.Own.Used()+p.All.Used())
}

func TestBudget_neverGivesMoreThanItHas(t *testing.T) {
	b := quota.New(requests, 10)
	var most atomic.Int64
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 1000 {
				if b.TryAcquire(3) {
					most.Store(max(most.Load(), b.Used()))
					b.Release(3)
				}
			}
		})
	}
	wg.Wait()
	assert.LessOrEqual(t, most.Load(), int64(9))
	assert.Zero(t, b.Used())
}
