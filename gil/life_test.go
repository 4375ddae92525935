package gil_test

import (
	"errors"
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/internal/pythontest"
)

func init() {
	pythontest.Register("enter before start", func() int { return entersWith(gil.ErrNotStarted) })
	pythontest.Register("enter after failure", func() int {
		fmt.Println(pythontest.FailToStart())
		return entersWith(gil.ErrFailed)
	})
	pythontest.Register("enter after close", func() int {
		rt, err := pythontest.Start()
		if err == nil {
			err = rt.Close(background)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return entersWith(gil.ErrClosed)
	})
}

// entersWith tries every way in, and is 0 when each fails with want.
func entersWith(want error) int {
	_, acquired := gil.Acquire(background)
	with := gil.With(background, use)
	for _, err := range []error{acquired, with} {
		if !errors.Is(err, want) {
			fmt.Fprintf(os.Stderr, "%v instead of %v\n", err, want)
			return 1
		}
	}
	if gil.Held() {
		return 2
	}
	return 0
}

func TestEntryOutsideLifeIsError(t *testing.T) {
	for _, script := range []string{"enter before start", "enter after failure", "enter after close"} {
		t.Run(script, func(t *testing.T) {
			_, stderr, code := pythontest.Script(t, script)
			assert.Zero(t, code, stderr)
		})
	}
}
