package agent_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/gopyrpc/gopyrpc/agent"
)

// Four workers share at random; when everything is released every table is empty.
func TestRRef_hammer(t *testing.T) {
	agents, ks, live := keepers(t, 4)
	var all sync.WaitGroup
	for i := range agents {
		all.Go(func() { share(t, uint64(i), agents[i], ks) })
	}
	all.Wait()
	for _, k := range ks { // whatever still arrived
		for len(k.received) > 0 {
			(<-k.received).Release()
		}
	}
	for i, err := range joinAll(testContext(t), agents) {
		assert.NoError(t, err, "w%d", i)
		s := agents[i].Stats()
		assert.Zero(t, s.RRefsOwned+s.RRefsUsed, "w%d", i)
		assert.Zero(t, agents[i].RRefTable(), "w%d", i)
	}
	assert.Zero(t, live.Load())
}

// share makes, forwards, reads and releases RRefs, in any order.
func share(t *testing.T, seed uint64, a *agent.Agent, ks []*keeper) {
	rng := rand.New(rand.NewPCG(seed, 7))
	me := ks[seed]
	var mine []*agent.RRef
	for range 150 {
		select {
		case r := <-me.received:
			mine = append(mine, r)
		default:
		}
		if len(mine) == 0 || rng.IntN(4) == 0 {
			r, err := a.Remote(testContext(t), ks[rng.IntN(4)].agent.Name(), agent.Request{Body: agent.Bytes(fmt.Append(nil, rng.Uint32()))}, nil)
			if !assert.NoError(t, err) {
				return
			}
			mine = append(mine, r)
		}
		i := rng.IntN(len(mine))
		r := mine[i]
		switch rng.IntN(3) {
		case 0:
			_, err := r.ToHere(testContext(t))
			assert.NoError(t, err, "%v", r)
		case 1:
			to := ks[rng.IntN(4)].agent.Name()
			fork, err := r.Fork(testContext(t), to)
			if assert.NoError(t, err) {
				f := a.CallAsync(testContext(t), to, agent.Request{Body: agent.Bytes(fork)})
				if rng.IntN(2) == 0 {
					_, err := f.Wait(testContext(t))
					assert.NoError(t, err)
				}
			}
		case 2:
			r.Release()
			mine = append(mine[:i], mine[i+1:]...)
		}
	}
	for _, r := range mine {
		r.Release()
	}
}
