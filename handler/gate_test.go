package handler_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/handler"
	"github.com/gopyrpc/gopyrpc/handler/pickle"
	"github.com/gopyrpc/gopyrpc/handler/policy"
	"github.com/gopyrpc/gopyrpc/internal/pythontest"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// TestGateKeepsShortSequencesOfNames: not those that a peer makes as long as its payloads.
func TestGateKeepsShortSequencesOfNames(t *testing.T) {
	var made, log *pybridge.Object
	pythontest.With(t, func(tok gil.Token) {
		made = pythontest.Define(t, tok, "made = []\ndef make(names):\n    made.append(len(names))\n    return names", "make")
		var err error
		log, err = made.Attr(tok, "__globals__")
		require.NoError(t, err)
	})
	defer log.Release()
	p, err := policy.New([]string{"jobs"})
	require.NoError(t, err)
	gate := handler.NewGate(p, made)
	defer gate.Release()
	for _, many := range []int{3, 3, 400, 400, 3} {
		var names strings.Builder
		for i := range many {
			fmt.Fprintf(&names, "cjobs\nf%011d\n", i)
		}
		opened, err := gate.Reply(t.Context(), [][]byte{[]byte("\x80\x03](" + names.String() + "e.")})
		require.NoError(t, err)
		opened.Release()
	}
	body := "B\x00\x00\x01\x00" + strings.Repeat("x", pickle.LargeData)
	for _, large := range []int{2, 2, 17, 17, 2} { // bytes between the names
		opened, err := gate.Reply(t.Context(), [][]byte{[]byte("\x80\x03](" + strings.Repeat(body, large) + "e.")})
		require.NoError(t, err)
		opened.Release()
	}
	pythontest.With(t, func(tok gil.Token) {
		o, err := log.CallMethod(tok, "get", "made")
		require.NoError(t, err)
		defer o.Release()
		counts, err := pybridge.As[[]int](tok, o)
		require.NoError(t, err)
		assert.Equal(t, []int{3, 400, 400, 2, 17, 17}, counts)
	})
}
