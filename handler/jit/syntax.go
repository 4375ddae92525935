package jit

import (
	"strings"
	"unicode/utf8"
)

// Bounds of a type expression, which comes from a peer. torch's parser overflows its stack. Merging the
// members of Unions takes time that grows much faster than the text: seconds for 60 KB.
const (
	maxDepth = 100
	maxText  = 1 << 12

	depthExpected = "a type that is nested at most 100 deep"
)

// node is a type expression as it is written: which names are classes is not known yet.
type node struct {
	shape  shape
	offset int // in the text
	name   string
	args   []*node
}

type shape uint8

const (
	nameNode      shape = iota
	subscriptNode       // name[args]; a | b is Union[a, b]
	emptyNode           // ()
)

// walk calls f with the node and all below it.
func (n *node) walk(f func(*node)) {
	f(n)
	for _, arg := range n.args {
		arg.walk(f)
	}
}

// keywords are names of torch's language that are no names.
var keywords = map[string]bool{}

func init() {
	for _, word := range strings.Fields(`def if else elif while return is True False and or not global for in
		raise assert break continue del pass class import with as Ellipsis`) {
		keywords[word] = true
	}
}

// parser is a recursive-descent parser of
//
//	union     = subscript {"|" subscript}
//	subscript = primary ["[" [union {"," union} [","]] "]"]
//	primary   = name {"." name} | "(" [union] ")"
//
// which is what torch's parser of Python expressions accepts of types.
type parser struct {
	text  string
	at    int
	depth int
}

// parseExpression reads the whole text. torch ignores what follows a complete expression.
func parseExpression(text string) (*node, error) {
	p := parser{text: text}
	if len(text) > maxText {
		return nil, p.failAt(maxText, "the end of the text, at 4096 bytes,", "more")
	}
	root, err := p.union()
	if err != nil {
		return nil, err
	}
	if p.skip(); p.at < len(p.text) {
		return nil, p.expected("the end of the text")
	}
	return root, nil
}

func (p *parser) union() (*node, error) {
	if p.depth++; p.depth > maxDepth {
		return nil, p.expected(depthExpected)
	}
	defer func() { p.depth-- }()
	first, err := p.subscript()
	if err != nil || !p.peek('|') {
		return first, err
	}
	node := &node{shape: subscriptNode, offset: first.offset, name: "Union", args: []*node{first}}
	for p.next('|') {
		member, err := p.subscript()
		if err != nil {
			return nil, err
		}
		node.args = append(node.args, member)
	}
	return node, nil
}

func (p *parser) subscript() (*node, error) {
	node, err := p.primary()
	if err != nil || node.shape != nameNode || !p.next('[') {
		return node, err
	}
	node.shape = subscriptNode
	for !p.next(']') {
		arg, err := p.union()
		if err != nil {
			return nil, err
		}
		node.args = append(node.args, arg)
		if !p.next(',') && !p.peek(']') {
			return nil, p.expected("] or a comma")
		}
	}
	return node, nil
}

func (p *parser) primary() (*node, error) {
	p.skip()
	start := p.at
	if !p.next('(') {
		return p.name()
	}
	if p.next(')') {
		return &node{shape: emptyNode, offset: start}, nil
	}
	node, err := p.union()
	if err != nil {
		return nil, err
	}
	if !p.next(')') {
		return nil, p.expected(")")
	}
	return node, nil
}

func (p *parser) name() (*node, error) {
	start := p.at
	name, err := p.identifier("a type")
	if err != nil {
		return nil, err
	}
	for !isNone(name) && p.next('.') {
		part, err := p.identifier("a name after the dot")
		if err != nil {
			return nil, err
		}
		if isNone(part) {
			return nil, p.failAt(p.at-len(part), "a name after the dot", part)
		}
		name += "." + part
	}
	return &node{shape: nameNode, offset: start, name: name}, nil
}

func isNone(name string) bool { return name == "None" || name == "NoneType" }

func (p *parser) identifier(what string) (string, error) {
	p.skip()
	end := p.at
	for end < len(p.text) && (isLetter(p.text[end]) || end > p.at && isDigit(p.text[end])) {
		end++
	}
	word := p.text[p.at:end]
	if word == "" || keywords[word] {
		return "", p.expected(what)
	}
	p.at = end
	return word, nil
}

func isLetter(c byte) bool { return c == '_' || 'a' <= c|0x20 && c|0x20 <= 'z' }
func isDigit(c byte) bool  { return '0' <= c && c <= '9' }

// peek skips blanks and says whether c follows; next consumes it then.
func (p *parser) peek(c byte) bool {
	p.skip()
	return p.at < len(p.text) && p.text[p.at] == c
}

func (p *parser) next(c byte) bool {
	if !p.peek(c) {
		return false
	}
	p.at++
	return true
}

func (p *parser) skip() {
	for p.at < len(p.text) && strings.IndexByte(" \t\n\r\v\f", p.text[p.at]) >= 0 {
		p.at++
	}
}

// expected is the error for what follows.
func (p *parser) expected(what string) error {
	p.skip()
	rest := p.text[p.at:]
	n := 0
	for n < len(rest) && (isLetter(rest[n]) || isDigit(rest[n])) {
		n++
	}
	if n == 0 {
		_, n = utf8.DecodeRuneInString(rest)
	}
	return p.failAt(p.at, what, rest[:n])
}

func (p *parser) failAt(offset int, what, found string) error {
	return &ParseError{Text: p.text, Offset: offset, Expected: what, Found: found}
}
