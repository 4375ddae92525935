//go:build cpy3

package cpy3_test

import (
	"context"
	"testing"

	python3 "github.com/go-python/cpy3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/gil"
)

// What a cpy3 call left pending must fail its own block, not the next call on the thread.
func TestPendingExceptionIsReportedAndDropped(t *testing.T) {
	g, err := gil.Acquire(context.Background())
	require.NoError(t, err)
	python3.PyErr_SetString(python3.PyExc_ValueError, "left behind")
	require.ErrorIs(t, g.Release(), gil.ErrPending)
	require.False(t, gil.Held())

	err = gil.With(context.Background(), func(gil.Token) error {
		assert.Nil(t, python3.PyErr_Occurred())
		return nil
	})
	require.NoError(t, err)
}
