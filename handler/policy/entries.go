package policy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gopyrpc/gopyrpc/internal/pyname"
)

// reserved is the module by which canonical pickles know the stand-ins. No payload and no entry may name it.
const reserved = pyname.Restricted

// entries is a list of what may be named.
type entries struct {
	list     []string
	exact    map[string]bool     // module:qualname
	modules  map[string]bool     // module
	packages []string            // with a dot at the end
	prefixes map[string][]string // by module
	values   map[string]bool     // module:qualname
}

const entryForms = "expected module, package.*, module:qualname, module:Prefix* or value:module:Class"

func (e *entries) add(entry string) error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("bad allow-list entry %q: %s; %s", entry, fmt.Sprintf(format, args...), entryForms)
	}
	text, value := strings.CutPrefix(entry, "value:")
	module, name, named := strings.Cut(text, ":")
	plain, below := module, false
	if !named {
		plain, below = strings.CutSuffix(module, ".*")
	}
	stem, prefix := strings.CutSuffix(name, "*")
	switch {
	case entry == "":
		return bad("it is empty")
	case strings.TrimSpace(entry) != entry:
		return bad("it begins or ends with white space")
	case plain == "":
		return bad("it names no module")
	case !isDotted(plain):
		return bad("%q is not the name of a module", plain)
	case plain == reserved || strings.HasPrefix(plain, reserved+"."):
		return bad("the module %s is reserved", reserved)
	case plain == pyname.Package && !value && (!named || prefix && !strings.Contains(stem, ".")):
		return bad("with all of %s a peer could call others in this worker's name, and end it: list single names, as %[1]s:RRef.is_owner", plain)
	case value && (!named || prefix):
		return bad("value: takes exactly one class")
	case named && name == "":
		return bad("no name follows the colon (%s: alone is everything that it defines)", module)
	case named && stem != "" && !isStem(stem, prefix):
		return bad("%q is not the name of anything in a module", name)
	}
	if renamed, old := renamedModules[plain]; old {
		return bad("%s is Python 2's name of %s", plain, renamed)
	}
	switch {
	case value:
		set(&e.values, text)
	case below:
		e.packages = append(e.packages, plain+".")
	case !named:
		set(&e.modules, module)
	case prefix:
		if e.prefixes == nil {
			e.prefixes = map[string][]string{}
		}
		e.prefixes[module] = append(e.prefixes[module], stem)
	default:
		set(&e.exact, text)
	}
	e.list = append(e.list, entry)
	return nil
}

func set(m *map[string]bool, key string) {
	if *m == nil {
		*m = map[string]bool{}
	}
	(*m)[key] = true
}

// isStem says whether names may begin so, or where it is not of a prefix, be so.
func isStem(stem string, prefix bool) bool {
	if prefix {
		stem = strings.TrimSuffix(stem, ".")
	}
	return isDotted(stem)
}

// isExact says whether this very name is listed, so that an alias is meant.
func (e *entries) isExact(key string) bool { return e.exact[key] }

// covers says whether an entry covers a name as something that the module defines.
func (e *entries) covers(module, name string) bool {
	return e.modules[module] ||
		slices.ContainsFunc(e.packages, func(p string) bool { return strings.HasPrefix(module, p) && !isProgram(module) }) ||
		slices.ContainsFunc(e.prefixes[module], func(p string) bool { return strings.HasPrefix(name, p) })
}

// isProgram says whether a module is what python3 -m runs of a package: to import it runs it.
func isProgram(module string) bool { return strings.HasSuffix(module, ".__main__") }

// hasMethod says whether an entry has a name that ends so, behind a class.
func (e *entries) hasMethod(method string) bool {
	for key := range e.exact {
		if strings.HasSuffix(key, "."+method) {
			return true
		}
	}
	return false
}
