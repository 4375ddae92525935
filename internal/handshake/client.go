package handshake

import (
	"crypto/rand"
	"errors"
	"io"
)

// Client is the caller's side. It is over when it returns: nothing of the connection that follows was read. The name of
// the worker that is called is empty where only an address is known; what answers then says its name, and proves it.
//
// Errors: [Error]; the connection's.
//
// It blocks as long as the connection does: the caller sets a deadline on the connection.
func Client(conn io.ReadWriter, me Side, to string) (Peer, error) {
	keys, err := me.Keys()
	if err != nil {
		return Peer{}, err
	}
	h := hello{allKeys: keys.All(), incarnation: me.Incarnation, name: me.Name, to: to}
	_, _ = rand.Read(h.nonce[:]) // it never fails
	sent := h.message()
	_, lost := conn.Write(sent)
	body, err := expect(conn, kindChallenge)
	if err != nil {
		return Peer{}, firstOf(err, lost)
	}
	c, err := parseChallenge(body)
	if err != nil {
		return Peer{}, refuse(conn, me.Name, err)
	}
	peer := Peer{c.name, c.incarnation}
	proof, err := answer(keys, h, c, sent, me.Exporter)
	if err != nil {
		return Peer{}, refuse(conn, me.Name, about(err, c.name))
	}
	if _, lost = conn.Write(message(kindProof, proof)); lost != nil {
		return Peer{}, lost
	}
	body, err = expect(conn, kindAccept)
	if err == nil && len(body) != 0 {
		err = malformed("an accept of %d bytes", len(body))
	}
	if err != nil {
		return Peer{}, about(err, c.name)
	}
	return peer, nil
}

// answer checks what the called side proves, and only then makes the proof for it.
func answer(keys Keys, h hello, c challenge, sent, exporter []byte) ([]byte, error) {
	if h.to != "" && c.name != h.to {
		return nil, &Error{Reason: OtherName}
	}
	key := keys.Of(h.name)
	if h.allKeys {
		key = keys.Of(c.name)
	}
	if key == nil {
		return nil, &Error{Reason: NoSharedKey}
	}
	challenge := c.message()
	x, err := newExchange(key, sent, challenge[:len(challenge)-proofSize], exporter)
	if err != nil {
		return nil, err
	}
	if err := x.check(labelCalled, c.proof[:]); err != nil {
		return nil, err
	}
	return x.proof(labelCaller)
}

// expect reads a message of one kind.
func expect(r io.Reader, want kind) ([]byte, error) {
	k, body, err := read(r)
	switch {
	case err != nil:
		return nil, err
	case k == kindRefuse:
		return nil, parseRefusal(body)
	case k != want:
		return nil, malformed("a message of kind %d instead of %d", k, want)
	}
	return body, nil
}

// refuse tells the other side why this one does not go on, if it is for it to know.
func refuse(w io.Writer, name string, err error) error {
	var e *Error
	if errors.As(err, &e) && !e.Said && e.Reason <= lastReason {
		_, _ = w.Write(refusal{Version, e.Reason, name}.message()) // it is told if it still listens
	}
	return err
}

// about says whom an error is about.
func about(err error, peer string) error {
	var e *Error
	if errors.As(err, &e) && e.Peer == "" {
		e.Peer = peer
	}
	return err
}

// firstOf is what a write has failed with, unless the other side has said more.
func firstOf(said, lost error) error {
	var e *Error
	if lost == nil || errors.As(said, &e) || !errors.Is(said, io.EOF) {
		return said
	}
	return lost
}
