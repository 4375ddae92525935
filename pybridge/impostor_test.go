package pybridge_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/internal/pythontest"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

func init() {
	pythontest.Register("impostors", running(func(ctx context.Context, rt *pybridge.Runtime) error {
		return gil.With(ctx, func(tok gil.Token) error {
			builtins, err := rt.Import(tok, "builtins")
			if err != nil {
				return err
			}
			defer builtins.Release()
			for _, class := range []string{"float", "complex", "set", "frozenset", "bytearray"} {
				o, err := builtins.CallMethod(tok, "eval", "type('Impostor', (), {'__class__': "+class+"})()", map[string]any{})
				if err != nil {
					return err
				}
				_, err = pybridge.As[any](tok, o)
				fmt.Printf("%T\n", err)
				o.Release()
			}
			return nil
		})
	}))
}

// An object that claims another class, as unittest.mock.Mock(spec=bytearray) does, is not read as one.
func TestImpostors(t *testing.T) {
	assert.Equal(t, replace("%s%s%s%s%s", "*pybridge.ConversionError\n"), runs(t, "impostors"))
}
