package handshake

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
)

// Keys are what a side can prove, and check.
type Keys interface {
	// Of is the key of a worker's name, nil if it is not known.
	Of(name string) []byte
	// All says whether Of knows that of every name.
	All() bool
}

// Side is one end of a handshake.
type Side struct {
	Name        string
	Incarnation uint64 // of this life of the worker; not 0
	// Keys are asked for once for each handshake. On a side that is called they may be nil: it has no token, and says so.
	Keys func() (Keys, error)
	// Exporter is the value of tls-exporter (RFC 9266) of the connection, nil in clear text.
	Exporter []byte
}

// Peer is a worker that has proved that it has the key.
type Peer struct {
	Name        string
	Incarnation uint64
}

// The labels of the two directions: with one key for both, what a side has sent could be sent back to it as the answer.
const (
	labelCalled = "gopyrpc handshake 2 called"
	labelCaller = "gopyrpc handshake 2 caller"
)

// exchange is what both sides have of one handshake, to prove something by.
type exchange struct {
	transcript [sha256.Size]byte
	prk        []byte
	binding    []byte
}

// newExchange takes both messages as they were sent; of the challenge all but its proof.
func newExchange(key, hello, challenge, exporter []byte) (*exchange, error) {
	h := sha256.New()
	h.Write(hello)
	h.Write(challenge)
	x := &exchange{binding: []byte{0}}
	h.Sum(x.transcript[:0])
	if exporter != nil {
		x.binding = append([]byte{1}, exporter...)
	}
	prk, err := hkdf.Extract(sha256.New, key, x.transcript[:])
	if err != nil {
		return nil, fmt.Errorf("handshake: %w", err)
	}
	x.prk = prk
	return x, nil
}

func (x *exchange) proof(label string) ([]byte, error) {
	key, err := hkdf.Expand(sha256.New, x.prk, label, sha256.Size)
	if err != nil {
		return nil, fmt.Errorf("handshake: %w", err)
	}
	mac := hmac.New(sha256.New, key)
	mac.Write(x.transcript[:])
	mac.Write(x.binding)
	return mac.Sum(nil), nil
}

// check takes the same time for every proof.
func (x *exchange) check(label string, proof []byte) error {
	want, err := x.proof(label)
	if err == nil && !hmac.Equal(proof, want) {
		err = &Error{Reason: WrongProof}
	}
	return err
}
