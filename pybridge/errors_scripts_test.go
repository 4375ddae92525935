package pybridge_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/pyrpc/pyrpc/internal/pytest"
	"github.com/pyrpc/pyrpc/pybridge"
)

func init() {
	pytest.Register("errors after sys.modules was emptied", running(func(ctx context.Context, rt *pybridge.Runtime) error {
		err := statements(ctx, rt, "import sys, builtins\nkept = dict(sys.modules)\nsys.modules.clear()\nbuiltins.isinstance = None\n{}['k']\n")
		fmt.Println(err)
		return statements(ctx, rt, "import builtins\nbuiltins.isinstance = lambda *_: True\n")
	}))
	pytest.Register("error outlives close", script(func(ctx context.Context) error {
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

func TestErrorOutlivesClose(t *testing.T) {
	assert.Equal(t, `Traceback (most recent call last):
  File "<script>", line 2, in <module>
KeyError: 'k'

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "<pyrpc>/tools.py", line N, in exec_main
  File "<script>", line 4, in <module>
ValueError: grün
true`, lineOfOurs.ReplaceAllString(runs(t, "error outlives close"), `$1 N,`))
}
