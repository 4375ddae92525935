package pybridge_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/gopyrpc/gopyrpc/internal/pythontest"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

func init() {
	pythontest.Register("errors after sys.modules was emptied", running(func(ctx context.Context, rt *pybridge.Runtime) error {
		err := statements(ctx, rt, "import sys, builtins\nkept = dict(sys.modules)\nsys.modules.clear()\nbuiltins.isinstance = None\n{}['k']\n")
		fmt.Println(err)
		return statements(ctx, rt, "import builtins\nbuiltins.isinstance = lambda *_: True\n")
	}))
	pythontest.Register("error with no memory left", running(func(ctx context.Context, rt *pybridge.Runtime) error {
		fmt.Println(statements(ctx, rt, noMemory))
		return nil
	}))
	pythontest.Register("error outlives close", script(func(ctx context.Context) error {
		rt, err := pybridge.Start(ctx, pybridge.WithFinalize(pybridge.FinalizeGraceful))
		if err != nil {
			return err
		}
		failure := statements(ctx, rt, "try:\n    {}['k']\nexcept KeyError as e:\n    raise ValueError('grün') from e\n")
		if err := rt.Close(ctx); err != nil {
			return err
		}
		fmt.Printf("%+v\n%v", failure, errors.Is(failure, pybridge.KeyError))
		return nil
	}))
}

// noMemory raises a MemoryError that nothing can be allocated after, as soon as its text was asked for, until a
// variable of the frame that raised is gone. CPython's own module for its tests does that to Python's allocators,
// and leaves Go's alone.
const noMemory = `
import _testcapi
class Hoard:
    __del__ = _testcapi.remove_mem_hooks
class NoMemory(MemoryError):
    asked = False
    def __str__(self):
        if not NoMemory.asked:
            NoMemory.asked = True
            _testcapi.set_nomemory(0)
        return "no more"
def f():
    hoard = Hoard()
    raise NoMemory
Hoard() # up to 3.10 the first __del__ needs memory
f()
`

// TestErrorWithNoMemoryLeft: what describes a MemoryError needs memory, which its own traceback may keep.
func TestErrorWithNoMemoryLeft(t *testing.T) {
	pythontest.NeedsModule(t, "_testcapi")
	assert.Equal(t, "NoMemory: no more\n", runs(t, "error with no memory left"))
}

func TestErrorOutlivesClose(t *testing.T) {
	assert.Equal(t, `Traceback (most recent call last):
  File "<script>", line 2, in <module>
KeyError: 'k'

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "<gopyrpc>/tools.py", line N, in exec_main
  File "<script>", line 4, in <module>
ValueError: grün
true`, lineOfOurs.ReplaceAllString(runs(t, "error outlives close"), `$1 N,`))
}
