package gil

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestHoldsBack(t *testing.T) {
	const long = time.Hour
	HoldBack("<app>/x.py", "hand_out", "tell")
	for _, c := range []struct {
		file, function string
		due            time.Duration
		want           bool
	}{
		{"<frozen importlib._bootstrap>", "_get_module_lock", 0, true},
		{"<frozen importlib._bootstrap_external>", "cache_from_source", long, true},
		{"/app/importlib/x.py", "f", 0, false},
		{"/app/x.py", "acquire", 0, true},
		{"/app/x.py", "release", 0, true},
		{"/app/x.py", "__enter__", 0, true},
		{"/app/x.py", "__exit__", 0, true},
		{"/app/x.py", "__exit__", long, false},
		{"/usr/lib/python3.11/logging/__init__.py", "handle", 0, true},
		{"/usr/lib/python3.11/logging/__init__.py", "handle", long, false},
		{"/app/logging.py", "handle", 0, false},
		{"<app>/x.py", "hand_out", 0, true},
		{"<app>/x.py", "tell", 0, true},
		{"<app>/x.py", "tell", long, false},
		{"<app>/x.py", "f", 0, false},
		{"/app/x.py", "tell", 0, false},
		{"", "", 0, false},
	} {
		assert.Equal(t, c.want, code{c.file, c.function}.holdsBack(c.due), c)
	}
}
