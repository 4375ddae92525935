package agent

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"os"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
)

// Token is a secret that all workers of a group share. Exactly one field is set.
type Token struct {
	Value string
	File  string // read whenever it is needed, so that it may change
	Env   string // the name of an environment variable
}

// minToken is what a secret must have to be one.
const minToken = 16

func (t *Token) load() (string, error) {
	var value, from string
	switch {
	case t.File != "" && t.Env == "" && t.Value == "":
		b, err := os.ReadFile(t.File)
		if err != nil {
			return "", fmt.Errorf("agent: Token.File: %w", err)
		}
		value, from = strings.TrimSpace(string(b)), t.File
	case t.Env != "" && t.File == "" && t.Value == "":
		value, from = os.Getenv(t.Env), "$"+t.Env
	case t.Value != "" && t.File == "" && t.Env == "":
		value, from = t.Value, "Token.Value"
	default:
		return "", fmt.Errorf("agent: Token: exactly one of Value, File and Env must be set")
	}
	if len(value) < minToken {
		return "", fmt.Errorf("agent: the token from %s has %d characters, at least %d are needed", from, len(value), minToken)
	}
	return value, nil
}

const (
	authKey = "authorization"
	bearer  = "Bearer "
)

// checkToken compares what the peer sent with the secret, in a time that tells nothing of it.
func (t *Token) checkToken(ctx context.Context) error {
	want, err := t.load()
	if err != nil {
		return failure(codes.Internal, "this worker cannot read its token")
	}
	got := metadata.ValueFromIncomingContext(ctx, authKey)
	if len(got) != 1 || !strings.HasPrefix(got[0], bearer) {
		return failure(codes.Unauthenticated, "no token: this worker wants the metadata %s: %s…", authKey, bearer)
	}
	a, b := sha256.Sum256([]byte(want)), sha256.Sum256([]byte(strings.TrimPrefix(got[0], bearer)))
	if subtle.ConstantTimeCompare(a[:], b[:]) != 1 {
		return failure(codes.Unauthenticated, "wrong token")
	}
	return nil
}
