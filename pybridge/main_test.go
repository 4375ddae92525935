package pybridge_test

import (
	"testing"

	"github.com/pyrpc/pyrpc/internal/pytest"
)

func TestMain(m *testing.M) { pytest.Main(m) }
