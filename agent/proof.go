package agent

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
)

const (
	authKey     = "authorization"
	bearer      = "Bearer "
	proofPrefix = "pyrpc-proof."
)

// proof is what travels for a token: that somebody has the key of the caller, or of the called worker. It is of
// no use towards anybody else.
type proof struct {
	with     string // whose key: proofFrom, proofTo
	from, to string // to is "" where the caller knows an address only
	mac      string
}

const (
	proofFrom = "from"
	proofTo   = "to"
)

// prove chooses the key that the called worker has for sure, where this one has both.
func (k tokenKey) prove(from, to string) string {
	p := proof{with: proofFrom, from: from, to: to}
	key := k.of(from)
	if other := k.of(to); to != "" && other != nil {
		p.with, key = proofTo, other
	}
	return proofPrefix + strings.Join([]string{p.with, p.from, p.to, p.sign(key)}, ".")
}

func (p proof) sign(key []byte) string {
	return encodeKey(mac(key, "pyrpc proof 1", p.with, p.from, p.to))
}

func parseProof(text string) (proof, bool) {
	parts := strings.Split(strings.TrimPrefix(text, proofPrefix), ".")
	if !strings.HasPrefix(text, proofPrefix) || len(parts) != 4 {
		return proof{}, false
	}
	p := proof{parts[0], parts[1], parts[2], parts[3]}
	return p, (p.with == proofFrom || p.with == proofTo) && checkName(p.from) == nil
}

// checkToken finds out whose name a caller can prove; "" is for who has the secret itself and gave it, as
// tools do. The time it takes tells nothing of the secret.
func (t *Token) checkToken(ctx context.Context, self string) (name string, err error) {
	k, err := t.load()
	if err != nil {
		return "", failure(codes.Internal, "this worker cannot read its token")
	}
	got := metadata.ValueFromIncomingContext(ctx, authKey)
	if len(got) != 1 || !strings.HasPrefix(got[0], bearer) {
		return "", failure(codes.Unauthenticated, "no token: this worker wants one (the metadata %s: %s…)", authKey, bearer)
	}
	text := strings.TrimPrefix(got[0], bearer)
	p, ok := parseProof(text)
	if !ok {
		a, b := sha256.Sum256([]byte(k.secret)), sha256.Sum256([]byte(text))
		if k.secret == "" || subtle.ConstantTimeCompare(a[:], b[:]) != 1 {
			return "", failure(codes.Unauthenticated, "wrong token")
		}
		return "", nil
	}
	return p.from, p.check(k, self)
}

func (p proof) check(k tokenKey, self string) error {
	if p.to != "" && p.to != self {
		return failure(codes.FailedPrecondition, "worker %s looks for worker %s, and this is another: correct the address", p.from, p.to)
	}
	key := k.of(self)
	if p.with == proofFrom {
		key = k.of(p.from)
	}
	if key == nil {
		return failure(codes.Unauthenticated, "worker %s has only a token of its own, and so has worker %s: "+
			"neither can check the other's, so one of them must have the secret", self, p.from)
	}
	if !hmac.Equal([]byte(p.mac), []byte(p.sign(key))) {
		return failure(codes.Unauthenticated, "wrong token: worker %s and worker %s do not have tokens of the same secret", p.from, self)
	}
	return nil
}
