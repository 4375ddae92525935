//go:build pydebug

package gil_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/internal/pythontest"
)

// failed is the assertion that failed in f, "" if none did.
func failed(f func()) (text string) {
	defer func() {
		if err, ok := recover().(error); ok {
			text = err.Error()
		}
	}()
	f()
	return ""
}

func makeToken(t *testing.T) (stale gil.Token) {
	pythontest.With(t, func(tok gil.Token) { stale = tok })
	return stale
}

// The checks of builds without the tag are content with any token where the GIL is held.
func TestAssertTellsTokensApart(t *testing.T) {
	stale := makeToken(t)
	pythontest.With(t, func(tok gil.Token) {
		assert.Empty(t, failed(tok.Assert))
		text := failed(stale.Assert)
		assert.Contains(t, text, "the token's guard was released")
		assert.Contains(t, text, "gil_test.makeToken", "who made it")
		assert.Contains(t, failed(gil.Token{}.Assert), "not given by With")
		elsewhere(func() { assert.Contains(t, failed(tok.Assert), "another goroutine") })
		assert.NoError(t, gil.Detach(tok, func() {
			pythontest.With(t, func(inner gil.Token) {
				assert.Empty(t, failed(inner.Assert))
				assert.Contains(t, failed(tok.Assert), "given up with Detach")
			})
		}))
		assert.Empty(t, failed(tok.Assert), "taken back")
	})
}

func TestAssertSeesNestedGuardsEnd(t *testing.T) {
	pythontest.With(t, func(outer gil.Token) {
		inner := makeToken(t)
		assert.Empty(t, failed(outer.Assert))
		assert.Contains(t, failed(inner.Assert), "released")
		assert.NoError(t, gil.Detach(outer, func() {
			assert.NotEmpty(t, failed(outer.Assert))
			assert.Empty(t, failed(gil.AssertNotHeld))
		}))
		assert.Contains(t, failed(gil.AssertNotHeld), gil.ErrHeld.Error())
	})
}
