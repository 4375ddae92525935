package agent

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	agentpb "github.com/pyrpc/pyrpc/agent/proto"
)

func tokenFor(t *testing.T, name string) *Token {
	t.Helper()
	value, err := TokenFor(secret, name)
	require.NoError(t, err)
	return &Token{Value: value}
}

func TestTokenFor(t *testing.T) {
	a, b := tokenFor(t, "a").Value, tokenFor(t, "b").Value
	assert.Equal(t, a, tokenFor(t, "a").Value, "it is made of the secret and the name, and nothing else")
	assert.NotEqual(t, strings.TrimPrefix(a, "pyrpc-token.a."), strings.TrimPrefix(b, "pyrpc-token.b."))
	for says, try := range map[string][2]string{
		"has 5 characters":                                {"short", "a"},
		`"a.b" is no name for a worker`:                   {secret, "a.b"},
		"this is the token of worker a":                   {a, "b"},
		"the token from the caller of TokenFor is damage": {namedPrefix + "a.nonsense", "b"},
	} {
		_, err := TokenFor(try[0], try[1])
		assert.ErrorContains(t, err, says)
	}
	_, err := New(Config{Name: "b", Executor: echo, Token: &Token{Value: a}})
	assert.ErrorContains(t, err, "the token is for worker a, and this is b: give it the secret, or a token of its own name")
	for _, damaged := range []string{a[:len(a)-1], a + "AAAA", strings.Replace(a, ".a.", ".a b.", 1), strings.Replace(a, ".a.", ".", 1)} {
		_, err = New(Config{Name: "a", Executor: echo, Token: &Token{Value: damaged}})
		assert.ErrorContains(t, err, "is damaged", damaged)
	}
}

// Who has the secret and who has a token of his own can call each other, both ways.
func TestToken_ofOneName(t *testing.T) {
	agents := start(t, Config{Name: "w0", Token: &Token{Value: secret}}, Config{Name: "a", Token: tokenFor(t, "a")},
		Config{Name: "b", Token: tokenFor(t, "b")}, Config{Name: "w3", Token: &Token{Value: secret}})
	for _, pair := range [][2]int{{0, 1}, {1, 0}, {2, 3}, {3, 2}, {0, 3}} {
		_, err := agents[pair[0]].Call(testContext(t), agents[pair[1]].Name(), Request{})
		assert.NoError(t, err)
	}
	_, err := agents[1].Call(testContext(t), "b", Request{})
	assert.Equal(t, codes.Unauthenticated, status.Code(err))
	assert.ErrorContains(t, err, "worker b has only a token of its own, and so has worker a: neither can check the other's, so one of them must have the secret")
}

// knock asks to be let in as a worker, and to join its group, with a credential of one's own making. It gives
// how both ended, where they ended the same way.
func knock(t *testing.T, host *Agent, name, credential string) error {
	t.Helper()
	b, err := proto.Marshal(&agentpb.Hello{Version: protocolVersion, Name: name, Incarnation: 1})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(metadata.AppendToOutgoingContext(testContext(t), helloKey, string(b), authKey, bearer+credential))
	defer cancel()
	client := agentpb.NewAgentClient(rawConn(t, host.Addr().String()))
	stream, err := client.Connect(ctx)
	require.NoError(t, err)
	header, err := stream.Header()
	if err == nil && len(header.Get(helloKey)) == 1 {
		return nil
	}
	if err == nil {
		_, err = stream.Recv()
	}
	_, joined := client.Rendezvous(ctx, &agentpb.RendezvousRequest{Member: &agentpb.Member{Name: name}, WorldSize: 1})
	assert.Equal(t, status.Convert(err).String(), status.Convert(joined).String(), "the group's door is no other")
	return err
}

// A token for one name lets nobody in by another: whatever is sent in its place.
func TestToken_whatAnImpostorCanSend(t *testing.T) {
	host := start(t, Config{Name: "w0", Token: &Token{Value: secret}, Guests: []string{"a", "b"}})[0]
	k, err := tokenFor(t, "a").load()
	require.NoError(t, err)
	asB := tokenKey{name: "b", key: k.key}
	byTheirKey := proof{with: proofTo, from: "b", to: "w0"}
	for name, try := range map[string]struct {
		value, says string
		code        codes.Code
	}{
		"a's proof, b's name":     {k.prove("a", "w0"), "the token is for worker a, not for worker b: give that worker one of its own name", codes.PermissionDenied},
		"a's key for b":           {asB.prove("b", "w0"), "wrong token: worker b and worker w0 do not have tokens of the same secret", codes.Unauthenticated},
		"a's key as the host's":   {proofPrefix + "to.b.w0." + byTheirKey.sign(k.key), "wrong token", codes.Unauthenticated},
		"the token itself":        {tokenFor(t, "a").Value, "wrong token", codes.Unauthenticated},
		"nothing":                 {"", "wrong token", codes.Unauthenticated},
		"no key":                  {proofPrefix + "from.b.w0." + encodeKey(mac(nil, "pyrpc proof 1", "from", "b", "w0")), "wrong token", codes.Unauthenticated},
		"what was for another":    {(tokenKey{secret: secret}).prove("b", "w9"), "looks for worker w9, and this is another", codes.FailedPrecondition},
		"another kind of proof":   {proofPrefix + "by.b.w0.AAAA", "wrong token", codes.Unauthenticated},
		"a name that is no name":  {proofPrefix + "from..w0.AAAA", "wrong token", codes.Unauthenticated},
		"b's, for no one special": {(tokenKey{secret: "another long secret"}).prove("b", ""), "wrong token", codes.Unauthenticated},
	} {
		err := knock(t, host, "b", try.value)
		assert.Equal(t, try.code, status.Code(err), "%s: %v", name, err)
		assert.ErrorContains(t, err, try.says, name)
	}
	assert.NoError(t, knock(t, host, "a", k.prove("a", "w0")))
	assert.NoError(t, knock(t, host, "b", (tokenKey{secret: secret}).prove("b", "w0")), "the secret is for any name")
}

// A group that meets: the coordinator has the secret, the others their own tokens.
func TestToken_rendezvous(t *testing.T) {
	configs := meetAt(t, 2, 1, 0)
	configs[0].Token, configs[1].Token = tokenFor(t, configs[0].Name), &Token{Value: secret}
	agents := startMeeting(t, configs...)
	for _, a := range agents {
		require.NoError(t, a.WaitReady(testContext(t)))
		for _, w := range a.Workers() {
			_, err := a.Call(testContext(t), w.Name, Request{})
			assert.NoError(t, err)
		}
	}
	for _, err := range joinAll(testContext(t), agents) {
		assert.NoError(t, err)
	}
}
