package handshake_test

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/gopyrpc/gopyrpc/internal/handshake"
)

// keys are those of every name, and of no secret that anybody could guess from a fuzzer's bytes.
type keys struct{ all bool }

func (k keys) Of(name string) []byte {
	return []byte("the key of " + name + ", which the other side has not")
}
func (k keys) All() bool { return k.all }

func side(all bool) handshake.Side {
	return handshake.Side{Name: "w0", Incarnation: 1, Keys: func() (handshake.Keys, error) { return keys{all}, nil }}
}

// wire is a connection of which all that will ever come is there.
type wire struct {
	in  *bytes.Reader
	out bytes.Buffer
}

func (w *wire) Read(p []byte) (int, error)  { return w.in.Read(p) }
func (w *wire) Write(p []byte) (int, error) { return w.out.Write(p) }

// failsDecently is what must come of bytes that nobody with a key has written: an error of a known kind, and an answer that
// does not grow with them.
func failsDecently(t *testing.T, w *wire, p handshake.Peer, err error) {
	t.Helper()
	assert.Zero(t, p)
	var e *handshake.Error
	if !errors.As(err, &e) {
		assert.True(t, errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF), "%v", err)
	}
	assert.LessOrEqual(t, w.out.Len(), 1000)
}

func FuzzServer(f *testing.F) {
	const magic = handshake.Magic
	hello := "\x01\x00\x30\x02\x00\x00\x00\x00\x00\x00\x00\x00\x0712345678901234567890123456789012\x01a\x02w0"
	f.Add([]byte(hello + magic + "\x03\x00\x2012345678901234567890123456789012"))
	f.Add([]byte(hello + magic + "\x05\x00\x05\x02\x05\x02w0"))
	f.Add([]byte("\x01\x00\x00"))
	f.Add([]byte(hello + hello))
	f.Fuzz(func(t *testing.T, sent []byte) {
		for _, all := range []bool{false, true} {
			w := &wire{in: bytes.NewReader(sent)}
			p, err := handshake.Server(w, side(all))
			failsDecently(t, w, p, err)
		}
	})
}

func FuzzClient(f *testing.F) {
	const magic = handshake.Magic
	challenge := magic + "\x02\x00\x4c\x02\x00\x00\x00\x00\x00\x00\x00\x0712345678901234567890123456789012\x02w112345678901234567890123456789012"
	f.Add([]byte(challenge+magic+"\x04\x00\x00"), "w1")
	f.Add([]byte(magic+"\x05\x00\x05\x02\x05\x02w1"), "")
	f.Add([]byte("HTTP/1.1 400 Bad Request\r\n"), "w1")
	f.Add([]byte(magic), "w1")
	f.Fuzz(func(t *testing.T, sent []byte, to string) {
		if to != "" && !handshake.ValidName(to) {
			return
		}
		for _, all := range []bool{false, true} {
			w := &wire{in: bytes.NewReader(sent)}
			p, err := handshake.Client(w, side(all), to)
			failsDecently(t, w, p, err)
			assert.NotContains(t, w.out.String(), magic+"\x03", "a proof, for nothing")
		}
	})
}
