package pycall_test

import (
	"encoding/binary"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"

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

func TestBytesIsRight_hammer(t *testing.T) {
	for name, l := range loads {
		t.Run(name, func(t *testing.T) {
			assert.Zero(t, l.run(function(t, "f = "+l.function)))
			pythontest.Quiet(t)
		})
	}
}
