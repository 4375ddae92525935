package agent

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"

	agentpb "github.com/gopyrpc/gopyrpc/agent/proto"
)

// An RRef's id is a rank and a counter, which anybody can guess. So a user shows the owner its fork's secret with whatever it
// asks, and gives its word for the forks that it makes of its own: an HMAC with that secret. The owner can check both without being
// told of anything beforehand. RATIONALE, "Why an RRef's id opens nothing", says what that promises.

// secretSize is how many random bytes stand for a user: nobody guesses 128 bits.
const secretSize = 16

// forkSecret is what a user of a value and the value's owner know, and nobody else.
type forkSecret [secretSize]byte

func newSecret() (s forkSecret) {
	_, _ = rand.Read(s[:]) // ends the process rather than fail
	return s
}

// readSecret is false for what cannot be one.
func readSecret(b []byte) (s forkSecret, ok bool) {
	copy(s[:], b)
	return s, len(b) == secretSize
}

// equals takes the same time for every secret of the right size.
func (s *forkSecret) equals(b []byte) bool { return subtle.ConstantTimeCompare(s[:], b) == 1 }

// grantLabel keeps these HMACs apart from any other use of a secret.
const grantLabel = "gopyrpc.agent.v1 fork\x00"

// vouch is the word of the user with this secret that it made a fork for a worker: the proof of a Grant.
func (s *forkSecret) vouch(ref *agentpb.Reference, to string) []byte {
	b := make([]byte, 0, 192)
	b = append(b, grantLabel...)
	b = binary.BigEndian.AppendUint64(b, ref.GetIncarnation())
	for _, id := range []*agentpb.Id{ref.GetRref(), ref.GetGrant().GetParent(), ref.GetFork()} {
		b = binary.BigEndian.AppendUint32(b, uint32(id.GetRank()))
		b = binary.BigEndian.AppendUint64(b, id.GetLocal())
	}
	b = binary.BigEndian.AppendUint64(b, ref.GetGrant().GetSerial())
	b = append(b, to...)
	mac := hmac.New(sha256.New, s[:])
	mac.Write(b)
	return mac.Sum(nil)
}

// vouches says whether it gave that word.
func (s *forkSecret) vouches(ref *agentpb.Reference, to string) bool {
	return hmac.Equal(s.vouch(ref, to), ref.GetGrant().GetProof())
}
