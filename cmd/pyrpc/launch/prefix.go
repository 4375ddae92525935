package launch

import (
	"bytes"
	"fmt"
	"io"
	"sync"
)

// maxLine is how much of a line is kept until its end comes. A longer one is written in several.
const maxLine = 64 << 10

// prefixer writes whole lines, each with the worker's rank before it. Bytes are passed on as they are.
type prefixer struct {
	prefix string
	to     io.Writer
	mu     *sync.Mutex // held while writing to what others write to as well
	line   []byte      // begins with the prefix; has no end of line yet
}

func newPrefixer(rank int, to io.Writer, mu *sync.Mutex) *prefixer {
	prefix := fmt.Sprintf("[%d] ", rank)
	return &prefixer{prefix: prefix, to: to, mu: mu, line: []byte(prefix)}
}

func (p *prefixer) Write(data []byte) (int, error) {
	n := len(data)
	for len(data) > 0 {
		room := maxLine - (len(p.line) - len(p.prefix))
		if data[0] == '\n' || room == 0 {
			if err := p.write(); err != nil {
				return 0, err
			}
			if data[0] == '\n' {
				data = data[1:]
			}
			continue
		}
		take := min(len(data), room)
		if end := bytes.IndexByte(data[:take], '\n'); end >= 0 {
			take = end
		}
		p.line = append(p.line, data[:take]...)
		data = data[take:]
	}
	return n, nil
}

// flush writes what is left: a last line without an end.
func (p *prefixer) flush() error {
	if len(p.line) == len(p.prefix) {
		return nil
	}
	return p.write()
}

func (p *prefixer) write() error {
	p.line = append(p.line, '\n')
	p.mu.Lock()
	defer p.mu.Unlock()
	_, err := p.to.Write(p.line)
	p.line = p.line[:len(p.prefix)]
	return err
}
