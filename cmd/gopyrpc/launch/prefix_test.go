package launch

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// equal compares texts that are too long to print.
func equal(t *testing.T, want, got, what string) {
	t.Helper()
	assert.True(t, want == got, "%s: %d bytes, want %d", what, len(got), len(want))
}

// say writes, with all of it taken.
func say(t *testing.T, p *prefixer, text string) {
	t.Helper()
	n, err := p.Write([]byte(text))
	require.NoError(t, err)
	require.Equal(t, len(text), n)
}

// sink is what a screen writes to, to be read while a prefixer's timer may write.
type sink struct {
	mu   sync.Mutex
	text bytes.Buffer // guarded by mu
}

func (s *sink) Write(data []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(data)
}

func (s *sink) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

func (s *sink) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text.Reset()
}

// pass lets time go by, which a test in a bubble does not wait for.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func prefixed(t *testing.T, pieces ...string) string {
	t.Helper()
	var out sink
	p := newPrefixer(7, &screen{to: &out})
	for _, piece := range pieces {
		say(t, p, piece)
	}
	require.NoError(t, p.flush())
	return out.String()
}

func TestPrefixer(t *testing.T) {
	assert.Empty(t, prefixed(t))
	assert.Equal(t, "[7] a\n[7] \n[7] bc\n", prefixed(t, "a\n\nb", "c\n"))
	assert.Equal(t, "[7] last\n", prefixed(t, "la", "st"))
	assert.Equal(t, "[7] \x00\xff\x1b\n", prefixed(t, "\x00\xff\x1b\n"))
	assert.Equal(t, "[7] a\r\n[7] b\n", prefixed(t, "a\r", "\nb"), "the end of a line in two bytes")
	assert.Equal(t, "\r[7]  1%\r[7] 50%\r\r[7] done\n", prefixed(t, "\r 1%\r50%\r\rdone\n"), "what overwrites the line overwrites the prefix")
}

// TestPrefixerLongLines: nothing is lost or added, and no more is kept than the bound.
func TestPrefixerLongLines(t *testing.T) {
	long := strings.Repeat("x", maxLine)
	equal(t, "[7] "+long+"\n", prefixed(t, long, "\n"), "one that just fits, and its end later")
	equal(t, "[7] "+long+"y\n", prefixed(t, long, "y\n"), "one byte more")
	equal(t, "[7] "+long+long+"z\n", prefixed(t, long+long+"z"), "three pieces")
	var out sink
	p := newPrefixer(7, &screen{to: &out})
	say(t, p, long)
	equal(t, "[7] "+long, out.String(), "no more is kept")
}

// TestPrefixerUnfinished: a prompt, and a bar, are shown a moment after they were written, with the prefix once.
func TestPrefixerUnfinished(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out sink
		p := newPrefixer(0, &screen{to: &out})
		say(t, p, "before\nname")
		assert.Equal(t, "[0] before\n", out.String())
		pass(unfinishedAfter / 2)
		say(t, p, "? ")
		assert.Equal(t, "[0] before\n", out.String(), "it may still be finished")
		pass(unfinishedAfter / 2)
		assert.Equal(t, "[0] before\n[0] name? ", out.String(), "counted from its first byte: a bar that moves is never at rest")
		say(t, p, "yes\n")
		assert.Equal(t, "[0] before\n[0] name? yes\n", out.String())

		out.Reset()
		for _, bar := range []string{"\r  1%", "\r 50%", "\r100%"} {
			say(t, p, bar)
			pass(2 * unfinishedAfter)
		}
		assert.Equal(t, "\r[0]   1%\r[0]  50%\r[0] 100%", out.String())
		require.NoError(t, p.flush())
		assert.Equal(t, "\r[0]   1%\r[0]  50%\r[0] 100%\n", out.String())
		pass(2 * unfinishedAfter)
		assert.Equal(t, "\r[0]   1%\r[0]  50%\r[0] 100%\n", out.String(), "nothing after the end")
	})
}

// TestPrefixersTakeTurns: another's output does not come into an unfinished line, which is begun anew after it.
func TestPrefixersTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out sink
		s := &screen{to: &out}
		a, b, errors := newPrefixer(0, s), newPrefixer(1, s), newPrefixer(0, s)
		say(t, a, "one ")
		pass(unfinishedAfter)
		say(t, b, "line\n")
		say(t, a, "two\n")
		assert.Equal(t, "[0] one \n[1] line\n[0] two\n", out.String())
		say(t, a, "bar")
		pass(unfinishedAfter)
		say(t, errors, "trouble\n")
		say(t, b, "quiet")
		require.NoError(t, a.flush())
		require.NoError(t, b.flush())
		assert.Equal(t, "[0] one \n[1] line\n[0] two\n[0] bar\n[0] trouble\n[1] quiet\n", out.String())
	})
}

// TestPrefixerKeepsTogether: a character and an escape sequence are shown when they are complete, or at the end.
func TestPrefixerKeepsTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for text, shown := range map[string]string{
			"50 \u20ac": "50 ", "a\U0001f600": "a", "a\x1b[31m": "a", "a\x1b[1;32": "a", "a\x1b": "a", "\x1b[": "",
		} {
			var out sink
			p := newPrefixer(0, &screen{to: &out})
			cut := len(text)
			if !strings.Contains(text, "\x1b") || strings.HasSuffix(text, "m") {
				cut--
			}
			say(t, p, text[:cut])
			pass(unfinishedAfter)
			assert.Equal(t, shown, strings.TrimPrefix(out.String(), "[0] "), "%q", text)
			say(t, p, text[cut:])
			require.NoError(t, p.flush())
			assert.Equal(t, "[0] "+text+"\n", out.String())
		}
	})
}

// TestPrefixersLoseNothing: whatever is written in whatever pieces, at whatever times, by two workers at once comes
// out whole, but for the ends of lines where one followed the other.
func TestPrefixersLoseNothing(t *testing.T) {
	prefix := regexp.MustCompile(`\[[01]\] `)
	for seed := range uint64(200) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 17))
			var out sink
			s := &screen{to: &out}
			var said [2]string
			workers := []*prefixer{newPrefixer(0, s), newPrefixer(1, s)}
			for range 60 {
				rank := random.IntN(2)
				text := []string{"ab", "\n", "\r", "c\r\n", "\x1b[1m", "\u20ac", "d\n\ne", "\xff"}[random.IntN(8)]
				text = strings.ReplaceAll(text, "b", string(rune('A'+rank)))
				said[rank] += text
				say(t, workers[rank], text)
				pass(time.Duration(random.IntN(3)) * unfinishedAfter / 2)
			}
			for _, w := range workers {
				require.NoError(t, w.flush())
			}
			require.Equal(t, strings.Count(said[0]+said[1], "\r"), strings.Count(out.String(), "\r"))
			for rank, want := range said {
				got := ""
				for line := range strings.SplitAfterSeq(out.String(), "\n") {
					if strings.HasPrefix(strings.TrimLeft(line, "\r"), workers[rank].prefix) {
						got += prefix.ReplaceAllString(line, "")
					}
				}
				bare := func(s string) string { return strings.NewReplacer("\n", "", "\r", "").Replace(s) }
				require.Equal(t, bare(want), bare(got), "seed %d: %q", seed, out.String())
			}
		})
	}
}

func TestScreens(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "out"))
	require.NoError(t, err)
	defer func() { _ = file.Close() }()
	again, err := os.OpenFile(file.Name(), os.O_WRONLY, 0)
	require.NoError(t, err)
	defer func() { _ = again.Close() }()
	a, b := newScreens(file, again)
	assert.Same(t, a, b, "both streams at one terminal")
	a, b = newScreens(file, os.Stderr)
	assert.NotSame(t, a, b)
	a, b = newScreens(io.Discard, io.Discard)
	assert.NotSame(t, a, b)
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("broken") }

func TestPrefixerWriteFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPrefixer(0, &screen{to: broken{}})
		_, err := p.Write([]byte("line\n"))
		assert.EqualError(t, err, "broken")
		p = newPrefixer(0, &screen{to: broken{}})
		say(t, p, "unfinished")
		pass(unfinishedAfter)
		_, err = p.Write([]byte("line\n"))
		assert.EqualError(t, err, "broken")
		assert.EqualError(t, p.flush(), "broken")
	})
}
