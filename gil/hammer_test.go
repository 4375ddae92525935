package gil_test

import (
	"runtime"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/internal/pythontest"
)

func TestWithAndDetach_hammer(t *testing.T) {
	const counter = "class C:\n    n = 0\n    def up(self): self.n += 1\n    def __str__(self): return str(self.n)\nc = C()"
	pythontest.With(t, func(tok gil.Token) {
		c := pythontest.Define(t, tok, counter, "c")
		require.NoError(t, gil.Detach(tok, func() {
			var wg sync.WaitGroup
			for i := range 64 {
				wg.Add(1)
				go func() {
					defer wg.Done()
					for j := range 30 {
						assert.NoError(t, gil.With(background, func(tok gil.Token) error {
							if (i+j)%7 == 0 {
								assert.NoError(t, gil.Detach(tok, runtime.Gosched))
							}
							done, err := c.CallMethod(tok, "up")
							done.Release()
							return err
						}))
					}
				}()
			}
			wg.Wait()
		}))
		text, err := c.Str(tok)
		require.NoError(t, err)
		assert.Equal(t, "1920", text)
	})
}
