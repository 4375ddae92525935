package security

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"os"
	"strings"

	"github.com/gopyrpc/gopyrpc/agent/internal/rpcerr"
	"github.com/gopyrpc/gopyrpc/internal/handshake"
)

// Token is a secret that workers share, or one that was made of it for a single name with [TokenFor]. Exactly one field
// is set. It is agent.Token, which has the documentation of the fields.
type Token struct {
	Value string
	File  string
	Env   string
}

const (
	minToken    = 16               // what a secret must have to be one
	namedPrefix = "gopyrpc-token." // begins gopyrpc-token.NAME.KEY, and no secret
)

// TokenFor makes a token by which its holder can be the worker, or the guest, of that name, and no other. The token is
// valid as long as the secret is.
//
// Errors: a secret that is too short, or is such a token itself; what is no name for a worker.
func TokenFor(secret, name string) (string, error) {
	k, err := parseToken(strings.TrimSpace(secret), "the secret")
	if err != nil {
		return "", err
	}
	if k.name != "" {
		return "", fmt.Errorf("agent: this is the token of worker %s: others are made of the secret only", k.name)
	}
	if err := handshake.CheckName(name); err != nil {
		return "", fmt.Errorf("agent: %w", rpcerr.Within(err))
	}
	return namedPrefix + name + "." + encodeKey(k.of(name)), nil
}

// tokenKey is what a token says.
type tokenKey struct {
	secret string
	name   string // of the only worker that it is for; "" for the secret
	key    []byte // of that worker
}

func parseToken(value, what string) (tokenKey, error) {
	if strings.HasPrefix(value, "-----BEGIN ") {
		return tokenKey{}, fmt.Errorf("agent: %s is PEM, a certificate or a key: those are for TLS (Config.TLS, --tls-cert, --tls-key, "+
			"--tls-ca); a token is one line of random text that the workers share", what)
	}
	if strings.ContainsAny(value, "\r\n\x00") {
		return tokenKey{}, fmt.Errorf("agent: %s has more than one line: a token is one line of random text that the workers share", what)
	}
	if len(value) < minToken {
		return tokenKey{}, fmt.Errorf("agent: %s has %d characters, at least %d are needed", what, len(value), minToken)
	}
	named, ok := strings.CutPrefix(value, namedPrefix)
	if !ok {
		return tokenKey{secret: value}, nil
	}
	name, encoded, _ := strings.Cut(named, ".")
	key, err := base64.RawURLEncoding.DecodeString(encoded)
	if err != nil || len(key) != sha256.Size || handshake.CheckName(name) != nil {
		return tokenKey{}, fmt.Errorf("agent: %s is damaged: it begins with %s, and is not of the form %sNAME.KEY (make it anew)",
			what, namedPrefix, namedPrefix)
	}
	return tokenKey{name: name, key: key}, nil
}

// of is the key of a worker, nil if this token does not give it.
func (k tokenKey) of(name string) []byte {
	switch k.name {
	case "":
		return tokenMAC([]byte(k.secret), "gopyrpc token 1", name)
	case name:
		return k.key
	}
	return nil
}

// Of is the key of a worker; see [handshake.Keys].
func (k tokenKey) Of(name string) []byte { return k.of(name) }

// All says whether this is the secret, of which every worker's key is made.
func (k tokenKey) All() bool { return k.name == "" }

// keys is what a handshake is made with: the token as it is now.
func (t *Token) keys() (handshake.Keys, error) {
	k, err := t.load()
	if err != nil {
		return nil, err
	}
	return k, nil
}

func (t *Token) load() (tokenKey, error) {
	switch {
	case t.File != "" && t.Env == "" && t.Value == "":
		b, err := os.ReadFile(t.File)
		if err != nil {
			return tokenKey{}, rpcerr.Configf("Token.File", "%w", err)
		}
		return parseToken(strings.TrimSpace(string(b)), "the token from "+t.File)
	case t.Env != "" && t.File == "" && t.Value == "":
		return parseToken(os.Getenv(t.Env), "the token from $"+t.Env)
	case t.Value != "" && t.File == "" && t.Env == "":
		return parseToken(t.Value, "the token from Token.Value")
	}
	return tokenKey{}, rpcerr.Configf("Token", "exactly one of Value, File and Env must be set")
}

// check finds a token that is another worker's.
func (t *Token) check(name string) error {
	k, err := t.load()
	if err == nil && k.of(name) == nil {
		err = fmt.Errorf("agent: the token is for worker %s, and this is %s: give it the secret, or a token of its own name", k.name, name)
	}
	return err
}

// tokenMAC is the MAC over texts of which none has a zero byte.
func tokenMAC(key []byte, texts ...string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(strings.Join(texts, "\x00")))
	return h.Sum(nil)
}

func encodeKey(key []byte) string { return base64.RawURLEncoding.EncodeToString(key) }
