package policy

import (
	"strings"
)

// renamedModules are Python 2's names, which protocol 2 still uses.
var renamedModules = map[string]string{"__builtin__": "builtins", "exceptions": "builtins", "copy_reg": "copyreg"}

var renamedNames = map[string]string{"xrange": "range", "unicode": "str", "long": "int"}

// isDotted says whether a text is identifiers with dots between. Identifiers are ASCII here: CPython folds others into
// each other (NFKC), so that a name could look like one that it is not.
func isDotted(text string) bool {
	for part := range strings.SplitSeq(text, ".") {
		if !isIdentifier(part) {
			return false
		}
	}
	return true
}

func isIdentifier(text string) bool {
	for i := range len(text) {
		c := text[i]
		switch {
		case c == '_', 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z':
		case '0' <= c && c <= '9' && i > 0:
		default:
			return false
		}
	}
	return text != ""
}

func isSpecial(name string) bool { return strings.HasPrefix(name, "__") }
