package gil_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/internal/pythontest"
)

func TestMain(m *testing.M) { pythontest.Main(m) }

var background = context.Background()

// acquire expects to get the GIL.
func acquire(t *testing.T) *gil.Guard {
	t.Helper()
	g, err := gil.Acquire(background)
	require.NoError(t, err)
	return g
}

// use is an operation that needs the GIL.
func use(tok gil.Token) error {
	tok.Assert()
	o, err := pythontest.Runtime().Import(tok, "sys")
	o.Release()
	return err
}

// elsewhere runs f on another goroutine, which is on another OS thread when this one is locked.
func elsewhere(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	<-done
}
