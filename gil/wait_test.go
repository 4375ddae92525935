package gil_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/internal/gate"
	"github.com/gopyrpc/gopyrpc/internal/pythontest"
)

// entries are the ways in.
func entries() map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"Acquire": func(ctx context.Context) error {
			g, err := gil.Acquire(ctx)
			if err == nil {
				_ = g.Release()
			}
			return err
		},
		"With": func(ctx context.Context) error { return gil.With(ctx, use) },
	}
}

func TestEndedContextDoesNotEnter(t *testing.T) {
	ctx, cancel := context.WithCancel(background)
	cancel()
	for name, entry := range entries() {
		assert.ErrorIs(t, entry(ctx), context.Canceled, name)
	}
}

func TestWaitEndsWithContext(t *testing.T) {
	all := entries()
	giveBack := pythontest.Exhaust(t, 0)
	for name, entry := range all {
		ctx, cancel := context.WithCancel(background)
		result := make(chan error, 1)
		go func() { result <- entry(ctx) }()
		pythontest.Until(t, name+" waits", func() bool { return gil.Stats().Queue > 0 })
		cancel()
		assert.ErrorIs(t, <-result, context.Canceled, name)
	}
	giveBack()
	for name, entry := range all {
		assert.NoError(t, entry(background), name)
	}
}

func TestLabelsNameWhoIsInside(t *testing.T) {
	assert.NoError(t, gil.With(gil.WithLabel(background, "udf square"), func(tok gil.Token) error {
		assert.Contains(t, gate.Process.Inside(), "udf square")
		return gil.Detach(tok, func() { assert.Contains(t, gate.Process.Inside(), "udf square", "away") })
	}))
	assert.NotContains(t, gate.Process.Inside(), "udf square")
	assert.NoError(t, gil.With(background, func(gil.Token) error {
		assert.Contains(t, gate.Process.Inside(), "python call")
		return nil
	}))
}

func TestTokenCarriesContext(t *testing.T) {
	ctx := gil.WithLabel(background, "mine")
	assert.NoError(t, gil.With(ctx, func(tok gil.Token) error {
		assert.Equal(t, ctx, tok.Context())
		return nil
	}))
	assert.NotNil(t, gil.Token{}.Context())
}
