package handshake

import "fmt"

// Reason is why a handshake failed.
type Reason byte

// These travel in refusals, so their numbers stay.
const (
	// NoToken: the other side has none.
	NoToken Reason = 1
	// OtherVersion: the two speak different versions of the handshake.
	OtherVersion Reason = 2
	// OtherName: another worker was called than the one that answers.
	OtherName Reason = 3
	// NoSharedKey: neither side has a key that the other has too.
	NoSharedKey Reason = 4
	// WrongProof: the two sides' keys are different, or somebody stands between them.
	WrongProof Reason = 5
	// NoKey: the side cannot read its own token.
	NoKey Reason = 6
	// Malformed: a message is not what it must be.
	Malformed  Reason = 7
	lastReason        = Malformed

	// Foreign: what came is not of this protocol. It is never said.
	Foreign Reason = 100
)

// Error is how a handshake failed.
type Error struct {
	Reason  Reason
	Peer    string // the other side's name, as it says; "" where it has said none
	Version int    // the other side's, for OtherVersion
	Said    bool   // the other side found it, and says so
	Detail  string
	Err     error // the cause, for NoKey
}

var reasons = map[Reason]string{
	NoToken: "there is no token on one side", OtherVersion: "the versions differ", OtherName: "another worker was called",
	NoSharedKey: "neither side has the secret", WrongProof: "the tokens are not of one secret",
	NoKey: "the token cannot be read", Malformed: "a malformed message", Foreign: "not a message of this protocol",
}

func (e *Error) Error() string {
	text := "handshake: " + reasons[e.Reason]
	if e.Detail != "" {
		text += ": " + e.Detail
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	if e.Said {
		text += fmt.Sprintf(" (as %q says)", e.Peer)
	}
	return text
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }
