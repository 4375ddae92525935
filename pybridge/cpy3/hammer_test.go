//go:build cpy3

package cpy3_test

import (
	"sync"
	"testing"

	python3 "github.com/go-python/cpy3"
	"github.com/stretchr/testify/assert"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/pybridge"
	"github.com/gopyrpc/gopyrpc/pybridge/cpy3"
)

func TestConversions_hammer(t *testing.T) {
	o := fresh(t)
	before := refcount(t, o)
	var all sync.WaitGroup
	for range 16 {
		all.Add(1)
		go func() {
			defer all.Done()
			for range 200 {
				assert.NoError(t, gil.With(t.Context(), func(tok gil.Token) error { return roundTrip(tok, o) }))
			}
		}()
	}
	all.Wait()
	assert.Equal(t, before, refcount(t, o))
}

func roundTrip(tok gil.Token, o *pybridge.Object) error {
	p, err := cpy3.ToCpy3(tok, o)
	if err != nil {
		return err
	}
	defer p.DecRef()
	tuple := python3.PyTuple_New(1)
	p.IncRef()
	python3.PyTuple_SetItem(tuple, 0, p)
	taken, err := cpy3.Take(tok, tuple)
	if err != nil {
		return err
	}
	taken.Release()
	return nil
}
