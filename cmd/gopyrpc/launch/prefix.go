package launch

import (
	"bytes"
	"io"
	"os"
	"regexp"
	"strconv"
	"sync"
	"time"
	"unicode/utf8"
)

// maxLine is how much of a line is kept until its end comes.
const maxLine = 64 << 10

// unfinishedAfter is how long a line may stay unfinished before what there is of it is shown: progress bars and
// prompts have no end for as long as they matter.
const unfinishedAfter = 100 * time.Millisecond

// screen is where several workers write: at most one of them has a line there that is not finished.
type screen struct {
	mu       sync.Mutex
	to       io.Writer
	unended  *prefixer // guarded by mu
	prefixed []byte    // guarded by mu; kept between writes
}

// newScreens gives one screen for both streams where they are the same, as at a terminal.
func newScreens(stdout, stderr io.Writer) (out, err *screen) {
	out = &screen{to: stdout}
	if sameFile(stdout, stderr) {
		return out, out
	}
	return out, &screen{to: stderr}
}

func sameFile(a, b io.Writer) bool {
	f, ok := a.(*os.File)
	g, too := b.(*os.File)
	if !ok || !too {
		return false
	}
	info, err := f.Stat()
	other, err2 := g.Stat()
	return err == nil && err2 == nil && os.SameFile(info, other)
}

// where a worker's output has come to in its line.
type where int

const (
	atStart    where = iota // of a line; nothing of it is shown
	within                  // the prefix is shown, and more
	atReturned              // the same line, after a carriage return: what comes overwrites the prefix
)

// prefixer writes a worker's output with the rank before each line, and again after a carriage return. It passes
// on all bytes as they are, and adds the end of a line only where another's output follows one that has none.
type prefixer struct {
	prefix  string
	screen  *screen
	at      where       // guarded by screen.mu, as all that follows
	pending []byte      // not written yet
	timer   *time.Timer // runs for as long as something is pending
	failed  error       // of a write that the timer began
}

func newPrefixer(rank int, s *screen) *prefixer {
	return &prefixer{prefix: "[" + strconv.Itoa(rank) + "] ", screen: s}
}

// Write passes on the lines that are complete, and what is left of one after [unfinishedAfter].
func (p *prefixer) Write(data []byte) (int, error) {
	p.screen.mu.Lock()
	defer p.screen.mu.Unlock()
	if p.failed != nil {
		return 0, p.failed
	}
	p.pending = append(p.pending, data...)
	ready := bytes.LastIndexByte(p.pending, '\n') + 1
	if len(p.pending)-ready >= maxLine {
		ready = len(p.pending)
	}
	if err := p.show(ready); err != nil {
		return 0, err
	}
	p.wait()
	return len(data), nil
}

// wait has what is pending shown when its time has come, which is counted from its first byte.
func (p *prefixer) wait() {
	switch {
	case len(p.pending) == 0 && p.timer != nil:
		p.timer.Stop()
		p.timer = nil
	case len(p.pending) > 0 && p.timer == nil:
		p.timer = time.AfterFunc(unfinishedAfter, p.showUnfinished)
	}
}

func (p *prefixer) showUnfinished() {
	p.screen.mu.Lock()
	defer p.screen.mu.Unlock()
	p.timer = nil
	if err := p.show(len(p.pending) - unfinishedTail(p.pending)); err != nil && p.failed == nil {
		p.failed = err
	}
}

// flush writes what is left, and ends a last line that has no end. Nothing is written after it.
func (p *prefixer) flush() error {
	p.screen.mu.Lock()
	defer p.screen.mu.Unlock()
	err := p.show(len(p.pending))
	p.wait()
	if err == nil && p.screen.unended == p {
		err = p.screen.endLine()
	}
	if p.failed != nil {
		return p.failed
	}
	return err
}

// show writes the first n pending bytes.
func (p *prefixer) show(n int) error {
	if n == 0 {
		return nil
	}
	s := p.screen
	if s.unended != nil && s.unended != p {
		if err := s.endLine(); err != nil {
			return err
		}
	}
	out := s.prefixed[:0]
	for _, c := range p.pending[:n] {
		out = p.add(out, c)
	}
	p.pending = append(p.pending[:0], p.pending[n:]...)
	s.prefixed, s.unended = out, nil
	if p.at != atStart {
		s.unended = p
	}
	_, err := s.to.Write(out)
	return err
}

// add appends one byte, after the prefix where that is due.
func (p *prefixer) add(out []byte, c byte) []byte {
	if p.at == atStart && c == '\r' { // moves nothing
		return append(out, c)
	}
	if p.at == atStart || p.at == atReturned && c != '\n' && c != '\r' {
		out = append(out, p.prefix...)
	}
	switch c {
	case '\n':
		p.at = atStart
	case '\r':
		p.at = atReturned
	default:
		p.at = within
	}
	return append(out, c)
}

// endLine ends the line that is not finished. The worker that began it begins a new one with what comes next.
func (s *screen) endLine() error {
	s.unended.at = atStart
	s.unended = nil
	_, err := s.to.Write([]byte{'\n'})
	return err
}

// escape is the beginning of an escape sequence that is not complete.
var escape = regexp.MustCompile(`\x1b(\[[0-?]{0,32}[ -/]?)?$`)

// unfinishedTail is how many bytes at the end only make sense with those that will follow: another's output must not come
// between them.
func unfinishedTail(b []byte) int {
	if at := escape.FindIndex(b[max(0, len(b)-36):]); at != nil {
		return min(len(b), 36) - at[0]
	}
	for n := 1; n <= min(utf8.UTFMax-1, len(b)); n++ {
		if start := b[len(b)-n:]; utf8.RuneStart(start[0]) {
			if utf8.FullRune(start) {
				return 0
			}
			return n
		}
	}
	return 0
}
