package handshake

import "encoding/binary"

// fields takes a body apart. After the first that is not there it gives zeros, and ok is false.
type fields struct {
	rest []byte
	bad  bool
}

func (f *fields) bytes(n int) []byte {
	if len(f.rest) < n {
		f.bad = true
		return make([]byte, n)
	}
	b := f.rest[:n]
	f.rest = f.rest[n:]
	return b
}

func (f *fields) byte() byte     { return f.bytes(1)[0] }
func (f *fields) uint64() uint64 { return binary.BigEndian.Uint64(f.bytes(8)) }

// name reads a name, or with optional one or none.
func (f *fields) name(optional bool) string {
	name := string(f.bytes(int(f.byte())))
	if !ValidName(name) && (!optional || name != "") {
		f.bad = true
	}
	return name
}

// whole says whether all was there, and nothing more.
func (f *fields) whole() bool { return !f.bad && len(f.rest) == 0 }

// checkVersion looks at the first byte of a body, which is the version for good: the rest may be laid out otherwise in another.
func checkVersion(body []byte) error {
	if len(body) == 0 {
		return malformed("a message without a version")
	}
	if body[0] != Version {
		return &Error{Reason: OtherVersion, Version: int(body[0])}
	}
	return nil
}

func parseHello(body []byte) (h hello, err error) {
	if err := checkVersion(body); err != nil {
		return h, err
	}
	f := fields{rest: body[1:]}
	flags := f.byte()
	h.allKeys = flags == allKeys
	h.incarnation = f.uint64()
	copy(h.nonce[:], f.bytes(nonceSize))
	h.name, h.to = f.name(false), f.name(true)
	if !f.whole() || flags > allKeys || h.incarnation == 0 {
		return h, malformed("a hello of %d bytes", len(body))
	}
	return h, nil
}

func parseChallenge(body []byte) (c challenge, err error) {
	if err := checkVersion(body); err != nil {
		return c, err
	}
	f := fields{rest: body[1:]}
	c.incarnation = f.uint64()
	copy(c.nonce[:], f.bytes(nonceSize))
	c.name = f.name(false)
	copy(c.proof[:], f.bytes(proofSize))
	if !f.whole() || c.incarnation == 0 {
		return c, malformed("a challenge of %d bytes", len(body))
	}
	return c, nil
}

// parseRefusal makes an error of a refusal. What it says is not proved by anything.
func parseRefusal(body []byte) error {
	f := fields{rest: body}
	version, reason, name := f.byte(), Reason(f.byte()), f.name(true)
	if !f.whole() || reason < NoToken || reason > lastReason {
		return malformed("a refusal of %d bytes", len(body))
	}
	return &Error{Reason: reason, Version: int(version), Peer: name, Said: true}
}
