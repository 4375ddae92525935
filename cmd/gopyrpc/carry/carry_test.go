package carry_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/gopyrpc/gopyrpc/cmd/gopyrpc/carry"
)

func TestFolder_ofNone(t *testing.T) {
	if carry.Is() {
		t.Skip("this test was built with the library")
	}
	_, err := carry.Folder()
	assert.ErrorIs(t, err, carry.ErrNone)
}
