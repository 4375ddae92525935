package gil_test

import (
	"encoding/binary"
	"fmt"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/internal/cpython"
	"github.com/gopyrpc/gopyrpc/internal/pythontest"
)

// load is many goroutines that call the same function.
type load struct {
	function          string // squares eight bytes
	goroutines, calls int
}

// A UDF that waits without the GIL does so for long enough to count as blocking.
const (
	square     = "lambda data: (int.from_bytes(data, 'big') ** 2).to_bytes(8, 'big')"
	slowSquare = "lambda data: __import__('time').sleep(0.002) or (int.from_bytes(data, 'big') ** 2).to_bytes(8, 'big')"
)

var loads = map[string]load{
	"64 short":      {square, 64, 300},
	"1000 short":    {square, 1000, 20},
	"64 blocking":   {slowSquare, 64, 10},
	"1000 blocking": {slowSquare, 1000, 2},
}

// run gives the number of wrong or missing results, and prints each.
func (l load) run(fn cpython.Ref) int64 {
	var wrong atomic.Int64
	var wg sync.WaitGroup
	for i := range l.goroutines {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for j := range l.calls {
				n := uint64(i*1000 + j)
				out, err := callBytes(background, fn, binary.BigEndian.AppendUint64(nil, n), nil)
				if err != nil || len(out.Data) != 8 || binary.BigEndian.Uint64(out.Data) != n*n {
					wrong.Add(1)
					fmt.Fprintf(os.Stderr, "square of %d: %v, %+v\n", n, err, out)
				}
			}
		}()
	}
	wg.Wait()
	return wrong.Load()
}

func TestCallBytesIsRight_hammer(t *testing.T) {
	for name, l := range loads {
		t.Run(name, func(t *testing.T) {
			assert.Zero(t, l.run(function(t, "f = "+l.function)))
			quiet(t)
		})
	}
}

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
