package pycall_test

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/internal/cpython"
	"github.com/gopyrpc/gopyrpc/internal/pythontest"
)

// spare are the threads that neither run Go code nor hold a permit: the owner's and the runtime's.
const spare = 8

func init() { pythontest.Register("measure threads", measureThreads) }

// crowding is what the script prints.
type crowding struct{ Threads, Bound, Peak, States int }

// measureThreads puts a load on a fresh process, whose threads are its own: Go keeps those that
// other tests needed.
func measureThreads() int {
	fn, err := evaluated(loads[os.Getenv("LOAD")].function)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if wrong := loads[os.Getenv("LOAD")].run(fn); wrong > 0 {
		fmt.Fprintln(os.Stderr, wrong, "wrong results")
		return 1
	}
	s := gil.Stats() // Go keeps its threads, so this is the most there were
	_ = json.NewEncoder(os.Stdout).Encode(crowding{s.OSThreads, runtime.GOMAXPROCS(0) + s.Permits + spare, s.Peak, s.ThreadStates})
	return 0
}

func evaluated(expression string) (fn cpython.Ref, err error) {
	rt, err := pythontest.Start()
	if err != nil {
		return nil, err
	}
	err = gil.With(background, func(tok gil.Token) error {
		builtins, err := rt.Import(tok, "builtins")
		if err != nil {
			return err
		}
		o, err := builtins.CallMethod(tok, "eval", expression, map[string]any{})
		if err != nil {
			return err
		}
		p, err := o.Pointer(tok)
		if err != nil {
			return err
		}
		fn, err = cpython.IncRef(cpython.Ref(p)) // for the process's life
		return err
	})
	return fn, err
}

func TestThreadsStayBounded_hammer(t *testing.T) {
	for name := range loads {
		t.Run(name, func(t *testing.T) {
			stdout, stderr, code := pythontest.Script(t, "measure threads", "LOAD="+name)
			require.Zero(t, code, stderr)
			var c crowding
			require.NoError(t, json.Unmarshal([]byte(stdout), &c))
			t.Logf("%+v", c)
			assert.LessOrEqual(t, c.Threads, c.Bound)
			assert.LessOrEqual(t, c.States, c.Threads)
		})
	}
}
