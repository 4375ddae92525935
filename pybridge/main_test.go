package pybridge_test

import (
	"testing"

	"github.com/gopyrpc/gopyrpc/internal/pythontest"
)

func TestMain(m *testing.M) { pythontest.Main(m) }
