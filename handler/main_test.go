package handler_test

import (
	"path/filepath"
	"testing"

	"github.com/gopyrpc/gopyrpc/internal/pythontest"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

func TestMain(m *testing.M) { pythontest.Main(m, pybridge.WithPath(testdata())) }

// testdata is where udfs.py is, whatever the test does to the working directory.
func testdata() string {
	dir, err := filepath.Abs("testdata")
	if err != nil {
		panic(err) // panics: a test that cannot run at all
	}
	return dir
}
