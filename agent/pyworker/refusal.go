package pyworker

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/gopyrpc/gopyrpc/handler/pickle"
	"github.com/gopyrpc/gopyrpc/handler/policy"
)

// refused is what a policy did not let in.
type refused struct {
	name, rule string // the name may be empty
	entry      string // that would let it in, "" for none
	text       string // both
	what       string // was read, with a space before it; "" for a request
	forbidden  bool   // about what the policy lists, and not about how the pickle is written
}

// refusedOf says what of a payload was refused, if that is what an error says.
func refusedOf(err error) (r refused, ok bool) {
	var refusal *policy.Refusal
	var malformed *pickle.Error
	switch {
	case errors.As(err, &refusal):
		return refused{name: printable(refusal.Name), rule: printable(refusal.Rule), entry: printable(refusal.Entry), text: printable(refusal.Error()), forbidden: true}, true
	case errors.As(err, &malformed):
		text := printable(malformed.Error())
		return refused{rule: text, text: text}, true
	}
	return refused{}, false
}

// maxPrinted is how many bytes of what a peer has sent get into a text.
const maxPrinted = 500

// printable is a text of a peer's with escapes for what is not to be printed.
func printable(text string) string {
	rest := ""
	if len(text) > maxPrinted {
		end := maxPrinted
		for end > maxPrinted-utf8.UTFMax && !utf8.RuneStart(text[end]) {
			end--
		}
		text, rest = text[:end], "…"
	}
	var b strings.Builder
	for len(text) > 0 {
		c, size := utf8.DecodeRuneInString(text)
		switch {
		case c == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, text[0])
		case unicode.IsPrint(c):
			b.WriteRune(c)
		case c < 0x80:
			fmt.Fprintf(&b, `\x%02x`, c)
		case c > 0xffff:
			fmt.Fprintf(&b, `\U%08x`, c)
		default:
			fmt.Fprintf(&b, `\u%04x`, c)
		}
		text = text[size:]
	}
	return b.String() + rest
}
