package pybridge

import (
	"fmt"
	"strings"
)

const (
	causeText   = "\nThe above exception was the direct cause of the following exception:\n\n"
	contextText = "\nDuring handling of the above exception, another exception occurred:\n\n"
)

// traceback is what traceback.format_exception would give, without the last newline.
func (e *Error) traceback() string {
	var b strings.Builder
	p := printer{out: &b}
	p.exception(e)
	return strings.TrimSuffix(b.String(), "\n")
}

// printer writes exceptions, groups boxed in as Python's traceback module does.
type printer struct {
	out   *strings.Builder
	depth int // of groups
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
	if e.Members != nil {
		p.group(e)
		return
	}
	if len(e.Traceback) > 0 {
		p.lines("Traceback (most recent call last):\n")
	}
	p.body(e)
}

func (p *printer) body(e *Error) {
	var b strings.Builder
	for _, f := range e.Traceback {
		fmt.Fprintf(&b, "  File \"%s\", line %d, in %s\n", f.File, f.Line, f.Function)
		if f.Text != "" {
			fmt.Fprintf(&b, "    %s\n", f.Text)
		}
	}
	b.WriteString(e.Error() + "\n")
	for _, note := range e.Notes {
		b.WriteString(note + "\n")
	}
	p.lines(b.String())
}

func (p *printer) group(e *Error) {
	top := p.depth == 0
	if top {
		p.depth++
	}
	lead := "  "
	if !top {
		lead = ""
	}
	if len(e.Traceback) > 0 {
		p.marked(lead+"+ ", "Exception Group Traceback (most recent call last):\n", top)
	}
	p.body(e)
	p.depth++
	for i, m := range e.Members {
		head := strings.Repeat(" ", 2*(p.depth-1))
		opening := "  "
		if i == 0 {
			opening = "+-"
		}
		fmt.Fprintf(p.out, "%s%s+---------------- %d ----------------\n", head, opening, i+1)
		p.exception(m)
	}
	if n := len(e.Members); n > 0 && e.Members[n-1].Members == nil {
		fmt.Fprintf(p.out, "%s+------------------------------------\n", strings.Repeat(" ", 2*p.depth))
	}
	p.depth--
	if top {
		p.depth--
	}
}

// marked writes the heading of a group, whose box begins at it when the group is the outermost.
func (p *printer) marked(mark, text string, top bool) {
	if top {
		p.out.WriteString(mark + text)
		return
	}
	p.lines(text)
}

// lines writes text with the margin of the present box.
func (p *printer) lines(text string) {
	margin := ""
	if p.depth > 0 {
		margin = strings.Repeat(" ", 2*p.depth) + "| "
	}
	for _, line := range strings.SplitAfter(text, "\n") {
		if line != "" {
			p.out.WriteString(margin + line)
		}
	}
}
