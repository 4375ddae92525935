package gil_test

import (
	"encoding/binary"
	"runtime"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pyrpc/pyrpc/gil"
	"github.com/pyrpc/pyrpc/internal/pytest"
)

const square = "def f(data): return (int.from_bytes(data, 'big') ** 2).to_bytes(8, 'big')"

// A UDF that waits without the GIL, long enough to count as blocking.
const slowSquare = "import time\n" + square + "\ng = f\ndef f(data):\n    time.sleep(0.002)\n    return g(data)"

func TestCallBytesIsRight_hammer(t *testing.T) {
	for name, h := range map[string]struct {
		source            string
		goroutines, calls int
	}{
		"64 short":      {square, 64, 300},
		"1000 short":    {square, 1000, 20},
		"64 blocking":   {slowSquare, 64, 10},
		"1000 blocking": {slowSquare, 1000, 2},
	} {
		t.Run(name, func(t *testing.T) {
			fn := function(t, h.source)
			watch := watchThreads(t)
			var wg sync.WaitGroup
			for i := range h.goroutines {
				wg.Add(1)
				go func() {
					defer wg.Done()
					for j := range h.calls {
						n := uint64(i*1000 + j)
						out, err := gil.CallBytes(background, fn, binary.BigEndian.AppendUint64(nil, n), nil)
						if assert.NoError(t, err) && assert.Len(t, out.Data, 8) {
							assert.Equal(t, n*n, binary.BigEndian.Uint64(out.Data))
						}
					}
				}()
			}
			watch(&wg)
			assert.Zero(t, gil.Stats().Inside)
		})
	}
}

func TestWithAndDetach_hammer(t *testing.T) {
	counter := "class C:\n    n = 0\n    def up(self): self.n += 1\n    def __str__(self): return str(self.n)\nc = C()"
	pytest.With(t, func(tok gil.Token) {
		c := pytest.Define(t, tok, counter, "c")
		require.NoError(t, gil.Detach(tok, func() {
			watch := watchThreads(t)
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
			watch(&wg)
		}))
		text, err := c.Str(tok)
		require.NoError(t, err)
		assert.Equal(t, "1920", text)
	})
}

// watchThreads gives a wait that looks at the process's OS threads meanwhile.
func watchThreads(t *testing.T) func(*sync.WaitGroup) {
	return func(wg *sync.WaitGroup) {
		t.Helper()
		done := make(chan struct{})
		go func() {
			wg.Wait()
			close(done)
		}()
		bound, most := runtime.GOMAXPROCS(0)+gil.Stats().Permits+8, 0
		for over := false; !over; runtime.Gosched() {
			most = max(most, gil.Stats().OSThreads)
			select {
			case <-done:
				over = true
			default:
			}
		}
		t.Logf("OS threads: %d, bound %d; permits at most inside: %d", most, bound, gil.Stats().Peak)
		assert.LessOrEqual(t, most, bound)
	}
}
