package policy

import (
	"maps"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"github.com/gopyrpc/gopyrpc/handler/pickle"
)

// renamedModules are Python 2's names, which protocol 2 still uses.
var renamedModules = map[string]string{"__builtin__": "builtins", "exceptions": "builtins", "copy_reg": "copyreg"}

// renamedNames are those of them that have another name too.
var renamedNames = map[string]string{"xrange": "range", "unicode": "str", "long": "int"}

// name is what a pickle asks for.
type name struct{ module, qualname string }

func (n name) String() string { return n.module + ":" + n.qualname }

// renamed is the name in Python 3.
func (n name) renamed() name {
	if module, old := renamedModules[n.module]; old {
		n.module = module
		if qualname, old := renamedNames[n.qualname]; old {
			n.qualname = qualname
		}
	}
	return n
}

// verdict is what a policy says of a name.
type verdict struct {
	given  *pickle.Node // a Given, nil where nothing lets it in
	value  *pickle.Node // the same as a class of which instances only are let in
	own    *pickle.Node // the same for the calls that form makes
	plain  bool         // it may be a value, whatever is listed, though not be called
	listed bool         // an entry lets it in
	form   *form        // what pickle writes with it, where the protocol has it
	rule   string       // why it is not let in
}

// find gives the verdict about a name.
func (p *Policy) find(asked name) *verdict {
	if known := p.known.Load(); known != nil {
		if v := (*known)[asked]; v != nil {
			return v
		}
	}
	v := p.judge(asked)
	if v.rule == "" { // of what is refused there is no end
		p.remember(name{strings.Clone(asked.module), strings.Clone(asked.qualname)}, &v)
	}
	return &v
}

// remember makes a new map, so that readers need no lock.
func (p *Policy) remember(n name, v *verdict) {
	p.mu.Lock()
	defer p.mu.Unlock()
	known := map[name]*verdict{n: v}
	if old := p.known.Load(); old != nil {
		if len(*old) >= maxKnown {
			return
		}
		maps.Copy(known, *old)
	}
	p.known.Store(&known)
}

func newGiven(text string) *pickle.Node { return &pickle.Node{Kind: pickle.Given, Text: text} }

// givenOf makes a Given for each of our stand-ins.
func givenOf(names string) map[string]*pickle.Node {
	nodes := map[string]*pickle.Node{}
	for n := range strings.FieldsSeq(names) {
		nodes[n] = newGiven(reserved + ":" + n)
	}
	return nodes
}

// maxKnown bounds how many names a policy remembers its verdict about.
const maxKnown = 500

func (p *Policy) judge(asked name) (v verdict) {
	n := asked.renamed()
	if !isDotted(n.module) || !isDotted(n.qualname) {
		return verdict{rule: "is not a name: identifiers with dots between are, in the one form that CPython's parser makes of them (NFKC)"}
	}
	if n.module == reserved || strings.HasPrefix(n.module, reserved+".") {
		return verdict{rule: "is in a module that no payload may name"}
	}
	v.form = forms[n]
	v.plain = plainNames[n]
	special, dotted := hasSpecial(n.qualname)
	key := n.String()
	own := newGiven(key)
	if v.form != nil || v.plain {
		v.own = own
	}
	switch {
	case special && dotted:
		return verdict{rule: "leads through a special attribute"}
	case p.entries.isExact(key), !special && p.entries.covers(n.module, n.qualname):
		v.given, v.listed = own, true
	case v.plain:
		v.given = own
	}
	if p.entries.values[key] {
		v.value = newGiven("value:" + key)
	}
	if v.given == nil && v.value == nil && v.form == nil {
		v.rule = unlisted
	}
	return v
}

// hasSpecial says whether a part of a name begins with two underscores, and whether it has several parts.
func hasSpecial(qualname string) (special, dotted bool) {
	for part := range strings.SplitSeq(qualname, ".") {
		special = special || isSpecial(part)
	}
	return special, strings.Contains(qualname, ".")
}

func isSpecial(name string) bool { return strings.HasPrefix(name, "__") }

// isDotted says whether a text is identifiers with dots between.
func isDotted(text string) bool {
	for part := range strings.SplitSeq(text, ".") {
		if !isIdentifier(part) {
			return false
		}
	}
	return true
}

// isIdentifier says whether a text is one of Python's identifiers, in normal form: CPython's parser makes one name of
// several spellings (NFKC), of which only that is let in.
func isIdentifier(text string) bool {
	ascii := true
	for i, c := range text {
		switch {
		case c == '_', 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z':
		case '0' <= c && c <= '9' && i > 0:
		case c == unicode.ReplacementChar:
			return false
		case c > unicode.MaxASCII && (unicode.IsLetter(c) || i > 0 && unicode.In(c, unicode.Mn, unicode.Mc, unicode.Nd)):
			ascii = false
		default:
			return false
		}
	}
	return text != "" && (ascii || norm.NFKC.IsNormalString(text))
}
