package handshake_test

import (
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/internal/handshake"
)

// ring has some keys.
type ring map[string]string

func (r ring) Of(name string) []byte {
	if r.All() {
		return []byte(r["*"] + name)
	}
	if key, ok := r[name]; ok {
		return []byte(key)
	}
	return nil
}

func (r ring) All() bool { return r["*"] != "" }

func end(name string, r ring) handshake.Side {
	s := handshake.Side{Name: name, Incarnation: uint64(len(name))}
	if r != nil {
		s.Keys = func() (handshake.Keys, error) { return r, nil }
	}
	return s
}

// meet has two ends shake hands, and gives what each has found.
func meet(t *testing.T, caller, called handshake.Side, to string) (p, q handshake.Peer, ofCaller, ofCalled error) {
	t.Helper()
	near, far := net.Pipe()
	for _, c := range []net.Conn{near, far} {
		require.NoError(t, c.SetDeadline(time.Now().Add(time.Minute)))
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		conn, begun, err := handshake.Sniff(far)
		assert.NoError(t, err)
		assert.True(t, begun)
		q, ofCalled = handshake.Server(conn, called)
		_ = far.Close()
	}()
	p, ofCaller = handshake.Client(near, caller, to)
	_ = near.Close()
	<-done
	return p, q, ofCaller, ofCalled
}

func reason(err error) handshake.Reason {
	var e *handshake.Error
	if errors.As(err, &e) {
		return e.Reason
	}
	return 0
}

func TestHandshake(t *testing.T) {
	all, other := ring{"*": "the secret of "}, ring{"*": "another secret of "}
	a, b := ring{"a": "the secret of a"}, ring{"bb": "the secret of bb"}
	near, far := end("a", all), end("bb", all)
	near.Exporter, far.Exporter = []byte("one"), []byte("another")
	for name, c := range map[string]struct {
		caller, called handshake.Side
		to             string
		want           handshake.Reason
	}{
		"both have the secret":    {end("a", all), end("bb", all), "bb", 0},
		"the caller has":          {end("a", all), end("bb", b), "bb", 0},
		"the called has":          {end("a", a), end("bb", all), "bb", 0},
		"by an address":           {end("a", all), end("bb", b), "", 0},
		"neither has":             {end("a", a), end("bb", b), "bb", handshake.NoSharedKey},
		"two secrets":             {end("a", all), end("bb", other), "bb", handshake.WrongProof},
		"a's key for c":           {end("c", ring{"c": "the secret of a"}), end("bb", all), "bb", handshake.WrongProof},
		"a's key as bb's":         {end("c", all), end("bb", ring{"bb": "the secret of a"}), "bb", handshake.WrongProof},
		"another worker":          {end("a", all), end("bb", all), "c", handshake.OtherName},
		"no token":                {end("a", all), end("bb", nil), "bb", handshake.NoToken},
		"different connections":   {near, far, "bb", handshake.WrongProof},
		"one of them without TLS": {near, end("bb", all), "bb", handshake.WrongProof},
		"the other without TLS":   {end("a", all), far, "bb", handshake.WrongProof},
	} {
		t.Run(name, func(t *testing.T) {
			p, q, ofCaller, ofCalled := meet(t, c.caller, c.called, c.to)
			assert.Equal(t, c.want, reason(ofCaller), "%v", ofCaller)
			assert.Equal(t, c.want, reason(ofCalled), "%v", ofCalled)
			if c.want != 0 {
				assert.Zero(t, p)
				assert.Zero(t, q)
				return
			}
			require.NoError(t, ofCaller)
			require.NoError(t, ofCalled)
			assert.Equal(t, handshake.Peer{Name: "bb", Incarnation: 2}, p)
			assert.Equal(t, handshake.Peer{Name: "a", Incarnation: 1}, q)
		})
	}
}

// A side that cannot read its token says so, and not why.
func TestHandshake_unreadableToken(t *testing.T) {
	cause := errors.New("no such file")
	called := handshake.Side{Name: "bb", Incarnation: 1, Keys: func() (handshake.Keys, error) { return nil, cause }}
	_, _, ofCaller, ofCalled := meet(t, end("a", ring{"*": "the secret of "}), called, "bb")
	assert.ErrorIs(t, ofCalled, cause)
	assert.Equal(t, handshake.NoKey, reason(ofCaller))
	assert.NotContains(t, ofCaller.Error(), cause.Error())
	_, err := handshake.Client(nil, called, "bb")
	assert.ErrorIs(t, err, cause, "nothing is sent")
}

// What is no handshake is passed on as it came, also where it begins like one.
func TestSniff(t *testing.T) {
	for _, sent := range []string{"PRI * HTTP/2.0", "\x16\x03\x01", handshake.Magic[:3] + "x", handshake.Magic, handshake.Magic[:5]} {
		near, far := net.Pipe()
		go func() {
			for i := range len(sent) { // byte by byte
				_, _ = near.Write([]byte{sent[i]})
			}
			_ = near.Close()
		}()
		conn, begun, err := handshake.Sniff(far)
		assert.Equal(t, sent == handshake.Magic, begun, "%q", sent)
		switch {
		case strings.HasPrefix(handshake.Magic, sent) && !begun:
			assert.Error(t, err)
		case !begun:
			require.NoError(t, err)
			var got []byte
			for b := make([]byte, 2); ; {
				n, err := conn.Read(b)
				got = append(got, b[:n]...)
				if err != nil {
					break
				}
			}
			assert.Equal(t, sent, string(got))
		}
		_ = far.Close()
	}
}

func TestValidName(t *testing.T) {
	for _, name := range []string{"w0", "a-b_c:D9", strings.Repeat("x", 128)} {
		assert.True(t, handshake.ValidName(name), name)
	}
	for _, name := range []string{"", "a b", "a.b", "ä", "a\x00", "a\n", strings.Repeat("x", 129)} {
		assert.False(t, handshake.ValidName(name), name)
	}
}
