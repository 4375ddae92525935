package cpython

import (
	"fmt"
	"reflect"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestGoTextHoldsGoCodeOnly: from its first function to its last, and nothing beside.
func TestGoTextHoldsGoCodeOnly(t *testing.T) {
	start, end := goText()
	for _, f := range []any{fmt.Sprint, runtime.GC, testing.Short, assert.Equal, TestGoTextHoldsGoCodeOnly, func() {}} {
		pc := reflect.ValueOf(f).Pointer()
		assert.True(t, start <= pc && pc < end, runtime.FuncForPC(pc).Name())
	}
	assert.Nil(t, runtime.FuncForPC(start-1))
	assert.NotNil(t, runtime.FuncForPC(start))
	assert.NotNil(t, runtime.FuncForPC(end-1))
	assert.Nil(t, runtime.FuncForPC(end))
	inData := reflect.ValueOf(&errorsInData).Pointer()
	assert.False(t, start <= inData && inData < end)
}

var errorsInData = ErrHeld
