package jit

import (
	"fmt"
	"unicode/utf8"
)

// ParseError says where a type expression is wrong, and what should be there.
type ParseError struct {
	Text     string
	Offset   int    // of the mistake, in bytes
	Expected string // in words
	Found    string // what is there; empty for the end of Text
	Err      error  // ErrUnknownClass, another reason why the name is unknown, or nil
}

// Rune is the Offset counted in characters; each byte that is not UTF-8 is one.
func (e *ParseError) Rune() int { return utf8.RuneCountInString(e.Text[:e.Offset]) }

// Error shows the text, or if it is long the part of it around the mistake; characters count from 1.
func (e *ParseError) Error() string {
	found := "the text ends"
	if e.Found != "" {
		found = "there is " + clipped(e.Found, 0)
	}
	text := fmt.Sprintf("type %s: %s expected at character %d, where %s", clipped(e.Text, e.Offset), e.Expected, e.Rune()+1, found)
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap is Err, for errors.Is.
func (e *ParseError) Unwrap() error { return e.Err }

// clipped quotes what is around an offset of a text.
func clipped(text string, offset int) string {
	const around = 40
	start, end := max(0, offset-around), min(len(text), offset+around)
	for start > 0 && !utf8.RuneStart(text[start]) && offset-start < around+utf8.UTFMax {
		start--
	}
	for end < len(text) && !utf8.RuneStart(text[end]) && end-offset < around+utf8.UTFMax {
		end++
	}
	quoted := fmt.Sprintf("%q", text[start:end])
	if start > 0 {
		quoted = "…" + quoted
	}
	if end < len(text) {
		quoted += "…"
	}
	return quoted
}
