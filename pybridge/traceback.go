package pybridge

import (
	"fmt"
	"strings"
)

const (
	causeText   = "\nThe above exception was the direct cause of the following exception:\n\n"
	contextText = "\nDuring handling of the above exception, another exception occurred:\n\n"
)

// How much of a group is printed, as in traceback.TracebackException.
const (
	maxGroupWidth = 15
	maxGroupDepth = 10
)

// traceback is what traceback.format_exception would give, without the last newline.
func (e *Error) traceback() string {
	p := printer{}
	p.exception(e)
	return strings.TrimSuffix(p.out.String(), "\n")
}

// printer writes exceptions, groups boxed in, as TracebackException.format does.
type printer struct {
	out       strings.Builder
	depth     int  // of boxes
	needClose bool // the bottom line of the innermost box is not drawn yet
}

func (p *printer) exception(e *Error) {
	switch {
	case e.Cause != nil:
		p.exception(e.Cause)
		p.lines(causeText)
	case e.Context != nil && !e.SuppressContext:
		p.exception(e.Context)
		p.lines(contextText)
	}
	switch {
	case e.Members == nil:
		if len(e.Traceback) > 0 {
			p.lines("Traceback (most recent call last):\n")
		}
		p.body(e)
	case p.depth > maxGroupDepth:
		p.lines(fmt.Sprintf("... (max_group_depth is %d)\n", maxGroupDepth))
	default:
		p.group(e)
	}
}

// body is the frames, the last line and the notes.
func (p *printer) body(e *Error) {
	var b strings.Builder
	for _, f := range e.Traceback {
		f.print(&b)
	}
	b.WriteString(e.Error() + "\n")
	for _, note := range e.Notes {
		b.WriteString(note + "\n")
	}
	p.lines(b.String())
}

func (f Frame) print(b *strings.Builder) {
	fmt.Fprintf(b, "  File \"%s\", line %d, in %s\n", f.File, f.Line, f.Function)
	if f.Text != "" {
		fmt.Fprintf(b, "    %s\n", f.Text)
	}
	if f.Repeated > 0 {
		fmt.Fprintf(b, "  [Previous line repeated %d more time%s]\n", f.Repeated, plural(f.Repeated))
	}
	if f.Omitted > 0 {
		fmt.Fprintf(b, "  [%d call%s left out]\n", f.Omitted, plural(f.Omitted))
	}
}

func plural(n int) string {
	if n == 1 {
		return ""
	}
	return "s"
}

func (p *printer) group(e *Error) {
	top := p.depth == 0
	mark := "| "
	if top {
		p.depth++
		mark = "+ "
	}
	if len(e.Traceback) > 0 {
		p.out.WriteString(p.indent() + mark + "Exception Group Traceback (most recent call last):\n")
	}
	p.body(e)
	p.members(e.Members)
	if top {
		p.depth--
	}
}

func (p *printer) members(members []*Error) {
	more := len(members) - maxGroupWidth
	shown := members[:min(len(members), maxGroupWidth)]
	p.needClose = false
	for i, m := range shown {
		p.needClose = i == len(shown)-1 && more <= 0 // a group as the last member draws the line itself
		p.member(fmt.Sprint(i+1), i == 0, func() { p.exception(m) })
	}
	if more > 0 {
		p.needClose = true
		p.member("...", false, func() { p.lines(fmt.Sprintf("and %d more exception%s\n", more, plural(more))) })
	}
}

// member draws one part of a group's box.
func (p *printer) member(title string, first bool, content func()) {
	corner := "  "
	if first {
		corner = "+-"
	}
	fmt.Fprintf(&p.out, "%s%s+---------------- %s ----------------\n", p.indent(), corner, title)
	p.depth++
	content()
	if p.needClose {
		p.out.WriteString(p.indent() + "+------------------------------------\n")
		p.needClose = false
	}
	p.depth--
}

func (p *printer) indent() string { return strings.Repeat("  ", p.depth) }

// lines writes text with the margin of the present box.
func (p *printer) lines(text string) {
	margin := ""
	if p.depth > 0 {
		margin = p.indent() + "| "
	}
	for line := range strings.Lines(text) {
		p.out.WriteString(margin + line)
	}
}
