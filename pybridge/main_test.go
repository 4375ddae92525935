package pybridge_test

import (
	"testing"

	"github.com/gopyrpc/gopyrpc/internal/pytest"
)

func TestMain(m *testing.M) { pytest.Main(m) }
