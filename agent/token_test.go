package agent_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/gopyrpc/gopyrpc/agent"
	"github.com/gopyrpc/gopyrpc/internal/testcerts"
)

func tokenFor(t *testing.T, name string) *agent.Token {
	t.Helper()
	value, err := agent.TokenFor(secret, name)
	require.NoError(t, err)
	return &agent.Token{Value: value}
}

func TestTokenFor(t *testing.T) {
	a, b := tokenFor(t, "a").Value, tokenFor(t, "b").Value
	assert.Equal(t, a, tokenFor(t, "a").Value, "it is made of the secret and the name, and nothing else")
	assert.NotEqual(t, strings.TrimPrefix(a, "gopyrpc-token.a."), strings.TrimPrefix(b, "gopyrpc-token.b."))
	for says, try := range map[string][2]string{
		"has 5 characters":                                     {"short", "a"},
		`"a.b" is no name for a worker`:                        {secret, "a.b"},
		"this is the token of worker a":                        {a, "b"},
		"the secret is damaged: it begins with gopyrpc-token.": {"gopyrpc-token.a.nonsense", "b"},
	} {
		_, err := agent.TokenFor(try[0], try[1])
		assert.ErrorContains(t, err, says)
	}
	_, err := agent.New(agent.Config{Name: "b", Executor: echo, Token: &agent.Token{Value: a}})
	assert.ErrorContains(t, err, "the token is for worker a, and this is b: give it the secret, or a token of its own name")
	for _, damaged := range []string{a[:len(a)-1], a + "AAAA", strings.Replace(a, ".a.", ".a b.", 1), strings.Replace(a, ".a.", ".", 1)} {
		_, err = agent.New(agent.Config{Name: "a", Executor: echo, Token: &agent.Token{Value: damaged}})
		assert.ErrorContains(t, err, "is damaged", damaged)
	}
}

// A file that holds something else is not taken for a secret: what it holds may be known to others.
func TestToken_ofAFileThatHasNone(t *testing.T) {
	ca := newAuthority(t)
	files := ca.leaf("w0", testcerts.ForName("w0"))
	several := filepath.Join(t.TempDir(), "several")
	require.NoError(t, os.WriteFile(several, []byte(secret+"\n"+secret+"\n"), 0o600))
	for file, says := range map[string]string{
		files.Cert: "is PEM, a certificate or a key: those are for TLS (Config.TLS, --tls-cert, --tls-key, --tls-ca); a token is one line",
		files.Key:  "is PEM, a certificate or a key",
		several:    "has more than one line: a token is one line of random text that the workers share",
	} {
		_, err := agent.New(agent.Config{Name: "w0", Executor: echo, Token: &agent.Token{File: file}})
		assert.ErrorContains(t, err, "the token from "+file+" "+says)
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		_, err = agent.TokenFor(string(content), "a")
		assert.ErrorContains(t, err, "the secret "+says)
		assert.NotContains(t, err.Error(), string(content[30:40]))
	}
}

// A worker that has the secret and one that has a token of its own can call each other, both ways.
func TestToken_ofOneName(t *testing.T) {
	agents := start(t, agent.Config{Name: "w0", Token: &agent.Token{Value: secret}}, agent.Config{Name: "a", Token: tokenFor(t, "a")},
		agent.Config{Name: "b", Token: tokenFor(t, "b")}, agent.Config{Name: "w3", Token: &agent.Token{Value: secret}})
	for _, pair := range [][2]int{{0, 1}, {1, 0}, {2, 3}, {3, 2}, {0, 3}} {
		_, err := agents[pair[0]].Call(testContext(t), agents[pair[1]].Name(), agent.Request{})
		assert.NoError(t, err)
	}
	_, err := agents[1].Call(testContext(t), "b", agent.Request{})
	assert.Equal(t, codes.Unauthenticated, status.Code(err))
	assert.ErrorContains(t, err, "worker b has only a token of its own, and so has worker a: neither can check the other's, so one of them must have the secret")
}

// A group that meets: the coordinator has the secret, the others their own tokens.
func TestToken_rendezvous(t *testing.T) {
	configs := meetAt(t, 2, 1, 0)
	configs[0].Token, configs[1].Token = tokenFor(t, configs[0].Name), &agent.Token{Value: secret}
	agents := startMeeting(t, configs...)
	for _, a := range agents {
		require.NoError(t, a.WaitReady(testContext(t)))
		for _, w := range a.Workers() {
			_, err := a.Call(testContext(t), w.Name, agent.Request{})
			assert.NoError(t, err)
		}
	}
	for _, err := range joinAll(testContext(t), agents) {
		assert.NoError(t, err)
	}
}
