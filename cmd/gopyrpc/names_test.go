package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/gopyrpc/gopyrpc/pybridge"
)

// TestNamesOfClasses: the classes that errors are compared with by name are there, under these names. Nothing else would
// say so if one were renamed: errors.Is would be false.
func TestNamesOfClasses(t *testing.T) {
	for _, class := range []pybridge.Class{remoteTraceback} {
		module, name := string(class[:strings.LastIndex(string(class), ".")]), string(class[strings.LastIndex(string(class), ".")+1:])
		got := plainPython(t, "", "import "+module+" as m; print(issubclass(m."+name+", Exception), m."+name+".__module__, m."+name+".__qualname__)")
		assert.Equal(t, "True "+module+" "+name, strings.TrimSpace(got))
	}
}
