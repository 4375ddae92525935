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

// refused describes what a policy does not let in.
type refused struct {
	name, rule string // the name may be empty
	entry      string // an entry that would let it in, "" for none
	text       string // name and rule in one
	what       string // what was read, with a space before it; "" for a request
	forbidden  bool   // the policy does not list it; false where the pickle cannot be read
}

// refusedOf reads what was refused from an error; ok is false for any other error.
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

// maxPrinted is how many bytes of a peer's text get into an error or a log line.
const maxPrinted = 500

// printable returns a peer's text, with escapes for characters that a terminal would act on.
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
