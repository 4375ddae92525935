package agent_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/agent"
	"github.com/gopyrpc/gopyrpc/internal/testcerts"
)

// Nobody gets in as somebody without what proves that, whatever else he has; and a token alone proves nothing where
// certificates do.
func TestSecurity_attackers(t *testing.T) {
	ca, evil := newAuthority(t), newAuthority(t)
	who := agent.ExecutorFunc(func(ctx context.Context, _ agent.Request) (agent.Reply, error) {
		p, _ := agent.PeerFrom(ctx)
		return agent.Reply{Body: agent.Bytes([]byte(p.Name))}, nil
	})
	named := func(name string) *agent.Token {
		token, err := agent.TokenFor(secret, name)
		require.NoError(t, err)
		return &agent.Token{Value: token}
	}
	leaf := func(name string) *agent.TLS { return ca.leaf(name, testcerts.ForName(name)) }
	roots, foreign := leaf("roots").CA, evil.leaf("w1", testcerts.ForName("w1"))
	foreign.CA = roots
	callers := map[string]agent.Config{
		"w1 without anything that is right":  {Name: "w1", TLS: &agent.TLS{CA: roots}, Token: &agent.Token{Value: "not the group's secret"}},
		"w1 by another authority":            {Name: "w1", TLS: foreign},
		"w1 by another authority and secret": {Name: "w1", TLS: foreign, Token: &agent.Token{Value: "not the group's secret"}},
		"cli by the certificate of w1":       {Name: "cli", TLS: leaf("w1")},
		"w1 by its certificate":              {Name: "w1", TLS: leaf("w1")},
		"w1 by its token":                    {Name: "w1", TLS: &agent.TLS{CA: roots}, Token: named("w1")},
		"cli by its token":                   {Name: "cli", TLS: &agent.TLS{CA: roots}, Token: named("cli")},
		"w9 by a token of its own":           {Name: "w9", TLS: &agent.TLS{CA: roots}, Token: named("w9")},
	}
	for mode, c := range map[string]struct {
		ca    string
		token *agent.Token
		in    []string
	}{
		"certificates":                      {roots, nil, []string{"w1 by its certificate"}},
		"a token and certificates that may": {roots, &agent.Token{Value: secret}, []string{"cli by its token", "w1 by its token"}},
		"a token, and no authority":         {"", &agent.Token{Value: secret}, []string{"cli by its token", "w1 by its token"}},
	} {
		t.Run(mode, func(t *testing.T) {
			mine := leaf("w0")
			mine.CA = c.ca
			host := startOne(t, agent.Config{
				Name: "w0", Executor: who, TLS: mine, Token: c.token, Guests: []string{"cli"}, Peers: []agent.Worker{{"w1", 1, "127.0.0.1:1"}},
			})
			var in []string
			for name, caller := range callers {
				caller.Rank, caller.StartTimeout, caller.Executor = 7, 1, who
				caller.Peers = []agent.Worker{{"w0", 0, host.Addr().String()}}
				if reply, err := startOne(t, caller).Call(testContext(t), "w0", agent.Request{}); err == nil {
					assert.Equal(t, caller.Name, string(reply.Body.Bytes()))
					in = append(in, name)
				}
			}
			assert.ElementsMatch(t, c.in, in)
		})
	}
}
