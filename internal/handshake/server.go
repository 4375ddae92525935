package handshake

import (
	"crypto/rand"
	"io"
)

// Server is the side that is called, on a connection of which [Sniff] has read the magic.
//
// Errors: [Error]; the connection's. The caller has been told then, as far as it is for it to know.
//
// It blocks as long as the connection does: the caller sets a deadline on the connection.
func Server(conn io.ReadWriter, me Side) (Peer, error) {
	var head [headSize - len(Magic)]byte
	k, body, err := readRest(conn, head[:])
	if err == nil && k != kindHello {
		err = malformed("a message of kind %d instead of %d", k, kindHello)
	}
	if err != nil {
		return Peer{}, refuse(conn, me.Name, err)
	}
	h, err := parseHello(body)
	if err != nil {
		return Peer{}, refuse(conn, me.Name, err)
	}
	key, err := keyFor(me, h)
	if err != nil {
		return Peer{}, refuse(conn, me.Name, about(err, h.name))
	}
	x, err := me.challenge(conn, key, message(k, body))
	if err != nil {
		return Peer{}, err
	}
	proof, err := expect(conn, kindProof)
	if err == nil {
		err = x.check(labelCaller, proof)
	}
	if err != nil {
		return Peer{}, refuse(conn, me.Name, about(cutOff(err), h.name))
	}
	if _, err := conn.Write(message(kindAccept, nil)); err != nil {
		return Peer{}, err
	}
	return Peer{h.name, h.incarnation}, nil
}

// keyFor is the key by which the two sides prove themselves to each other.
func keyFor(me Side, h hello) ([]byte, error) {
	if me.Keys == nil {
		return nil, &Error{Reason: NoToken}
	}
	if h.to != "" && h.to != me.Name {
		return nil, &Error{Reason: OtherName, Detail: h.to}
	}
	keys, err := me.Keys()
	if err != nil {
		return nil, &Error{Reason: NoKey, Err: err}
	}
	key := keys.Of(h.name)
	if h.allKeys {
		key = keys.Of(me.Name)
	}
	if key == nil {
		return nil, &Error{Reason: NoSharedKey}
	}
	return key, nil
}

// challenge proves this side to a caller, and asks it for its own proof.
func (s Side) challenge(w io.Writer, key, hello []byte) (*exchange, error) {
	c := challenge{incarnation: s.Incarnation, name: s.Name}
	_, _ = rand.Read(c.nonce[:]) // it never fails
	unsigned := c.message()
	x, err := newExchange(key, hello, unsigned[:len(unsigned)-proofSize], s.Exporter)
	if err != nil {
		return nil, err
	}
	proof, err := x.proof(labelCalled)
	if err != nil {
		return nil, err
	}
	copy(c.proof[:], proof)
	_, err = w.Write(c.message())
	return x, err
}
