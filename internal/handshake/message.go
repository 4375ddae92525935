package handshake

import (
	"encoding/binary"
	"fmt"
	"io"
)

// Version is of the handshake: that of the protocol that brought it, as version 1 of that had none.
const Version = 2

// Magic begins every message. No other protocol that is met on a port begins so: HTTP/2 does with a letter, TLS with 22.
const Magic = "\x89gopyrpc\r\n"

const (
	nonceSize = 32
	proofSize = 32
	maxName   = 128
	headSize  = len(Magic) + 3
	maxBody   = 2 + 8 + nonceSize + 2*(1+maxName)
)

// kind says what a message is.
type kind byte

const (
	kindHello     kind = 1
	kindChallenge kind = 2
	kindProof     kind = 3
	kindAccept    kind = 4
	kindRefuse    kind = 5
)

// allKeys is the flag of a caller that has the key of every name.
const allKeys = 1

// hello is what the caller begins with.
type hello struct {
	allKeys     bool
	incarnation uint64
	nonce       [nonceSize]byte
	name, to    string
}

// challenge is what the called side answers.
type challenge struct {
	incarnation uint64
	nonce       [nonceSize]byte
	name        string
	proof       [proofSize]byte
}

// refusal is the last message of a side that does not go on.
type refusal struct {
	version byte
	reason  Reason
	name    string
}

// ValidName says whether a name can be a worker's: letters, digits, - _ : and at most 128 of them.
func ValidName(name string) bool {
	for i := range len(name) {
		switch c := name[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_', c == ':':
		default:
			return false
		}
	}
	return name != "" && len(name) <= maxName
}

// CheckName says what is wrong with a name that cannot be a worker's.
func CheckName(name string) error {
	if !ValidName(name) {
		return fmt.Errorf("%q is no name for a worker: letters, digits, - _ : and at most 128 of them", name)
	}
	return nil
}

// message puts the head before a body.
func message(k kind, body []byte) []byte {
	m := append([]byte(Magic), byte(k))
	m = binary.BigEndian.AppendUint16(m, uint16(len(body)))
	return append(m, body...)
}

func (h hello) message() []byte {
	flags := byte(0)
	if h.allKeys {
		flags = allKeys
	}
	b := binary.BigEndian.AppendUint64([]byte{Version, flags}, h.incarnation)
	b = append(b, h.nonce[:]...)
	return message(kindHello, appendName(appendName(b, h.name), h.to))
}

func (c challenge) message() []byte {
	b := binary.BigEndian.AppendUint64([]byte{Version}, c.incarnation)
	b = append(b, c.nonce[:]...)
	b = appendName(b, c.name)
	return message(kindChallenge, append(b, c.proof[:]...))
}

func (r refusal) message() []byte {
	return message(kindRefuse, appendName([]byte{r.version, byte(r.reason)}, r.name))
}

func appendName(b []byte, name string) []byte { return append(append(b, byte(len(name))), name...) }

// read reads one message. It reads no byte of what follows.
func read(r io.Reader) (kind, []byte, error) {
	head := make([]byte, headSize)
	if n, err := io.ReadFull(r, head[:len(Magic)]); err != nil {
		if n > 0 && string(head[:n]) != Magic[:n] {
			err = foreign(head[:n])
		}
		return 0, nil, err
	}
	if string(head[:len(Magic)]) != Magic {
		return 0, nil, foreign(head[:len(Magic)])
	}
	return readRest(r, head[len(Magic):])
}

// readRest reads a message of which the magic was read.
func readRest(r io.Reader, head []byte) (kind, []byte, error) {
	if _, err := io.ReadFull(r, head); err != nil {
		return 0, nil, cutOff(err)
	}
	k, size := kind(head[0]), int(binary.BigEndian.Uint16(head[1:]))
	if k < kindHello || k > kindRefuse || size > maxBody {
		return 0, nil, malformed("a message of kind %d and %d bytes", k, size)
	}
	body := make([]byte, size)
	if _, err := io.ReadFull(r, body); err != nil {
		return 0, nil, cutOff(err)
	}
	return k, body, nil
}

// cutOff is the end of a connection within a message.
func cutOff(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// foreign is what does not begin as a message does.
func foreign(begin []byte) error {
	return &Error{Reason: Foreign, Detail: fmt.Sprintf("it begins with %q", begin)}
}

func malformed(format string, args ...any) error {
	return &Error{Reason: Malformed, Detail: fmt.Sprintf(format, args...)}
}
