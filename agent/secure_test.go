package agent_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"

	"github.com/gopyrpc/gopyrpc/agent"
	agentpb "github.com/gopyrpc/gopyrpc/agent/proto"
	"github.com/gopyrpc/gopyrpc/internal/testcerts"
)

const (
	secret  = "correct horse battery staple"
	authKey = "authorization"
	bearer  = "Bearer "
)

func TestNew_refusesToLetAnybodyIn(t *testing.T) {
	ca := newAuthority(t)
	files := ca.leaf("w0", testcerts.ForName("w0"))
	base := agent.Config{Name: "w0", Executor: echo, Logger: slog.New(slog.DiscardHandler)}
	for name, change := range map[string]func(*agent.Config){
		"listens on all addresses":     func(c *agent.Config) { c.Listen = "0.0.0.0:0" },
		"any address by default":       func(c *agent.Config) { c.Listen = ":0" },
		"a token in clear text":        func(c *agent.Config) { c.Listen = ":0"; c.Token = &agent.Token{Value: secret} },
		"TLS that asks for nothing":    func(c *agent.Config) { c.TLS = &agent.TLS{Cert: files.Cert, Key: files.Key} },
		"calls beyond the machine":     func(c *agent.Config) { c.Peers = []agent.Worker{{"w1", 1, "192.0.2.1:1"}} },
		"meets beyond the machine":     func(c *agent.Config) { c.Rendezvous = &agent.Rendezvous{Address: "192.0.2.1:1", WorldSize: 2} },
		"a name that must be lookedup": func(c *agent.Config) { c.Peers = []agent.Worker{{"w1", 1, "example.org:1"}} },
	} {
		c := base
		change(&c)
		_, err := agent.New(c)
		assert.ErrorIs(t, err, agent.ErrInsecure, name)
	}
	for name, change := range map[string]func(*agent.Config){
		"mutual TLS": func(c *agent.Config) { c.TLS = files },
		"TLS and token": func(c *agent.Config) {
			c.TLS = &agent.TLS{Cert: files.Cert, Key: files.Key}
			c.Token = &agent.Token{Value: secret}
		},
		"it is insisted": func(c *agent.Config) { c.Insecure = true },
	} {
		c := base
		var said logs
		c.Listen, c.Logger = "0.0.0.0:0", said.logger()
		change(&c)
		a, err := agent.New(c)
		require.NoError(t, err, name)
		assert.Equal(t, c.Insecure, strings.Contains(said.String(), "level=WARN") && strings.Contains(said.String(), "INSECURE"), name)
		_, err = a.Shutdown(testContext(t))
		assert.NoError(t, err)
	}
}

func TestNew_badConfigurations(t *testing.T) {
	t.Setenv("AGENT_TEST_SHORT", "short")
	for want, c := range map[string]agent.Config{
		"Config.Name":                                    {Executor: echo},
		"Config.Executor":                                {Name: "w0"},
		"exclude each other":                             {Name: "w0", Executor: echo, Peers: []agent.Worker{}, Rendezvous: &agent.Rendezvous{}},
		"only a Rendezvous gives":                        {Name: "w0", Executor: echo, Rank: -1},
		"has ranks 0 to 1":                               {Name: "w0", Executor: echo, Rank: 5, Rendezvous: &agent.Rendezvous{WorldSize: 2, Host: true}},
		"rank 0 of worker w1 is taken":                   {Name: "w0", Executor: echo, Peers: []agent.Worker{{"w1", 0, "127.0.0.1:1"}}},
		"two workers are named w1":                       {Name: "w0", Executor: echo, Peers: []agent.Worker{{"w1", 1, "127.0.0.1:1"}, {"w1", 2, "127.0.0.1:1"}}},
		"Config.Rank: it is 0, and":                      {Name: "w0", Executor: echo, Peers: []agent.Worker{{"w0", 4, "127.0.0.1:1"}}},
		"Token: exactly one":                             {Name: "w0", Executor: echo, Token: &agent.Token{}},
		"has 5 characters":                               {Name: "w0", Executor: echo, Token: &agent.Token{Env: "AGENT_TEST_SHORT"}},
		"Token.File":                                     {Name: "w0", Executor: echo, Token: &agent.Token{File: "/nonexistent"}},
		"TLS.Cert: it and TLS.Key go":                    {Name: "w0", Executor: echo, TLS: &agent.TLS{Cert: "x"}},
		"TLS.Key are missing":                            {Name: "w0", Executor: echo, TLS: &agent.TLS{}},
		"only a caller with a Token":                     {Name: "w0", Executor: echo, TLS: &agent.TLS{}, Token: &agent.Token{Value: secret}, Rendezvous: &agent.Rendezvous{WorldSize: 1, Host: true}},
		"WorldSize":                                      {Name: "w0", Executor: echo, Rendezvous: &agent.Rendezvous{}},
		`Rendezvous.Name: "w 0" is no name for a worker`: {Name: "w0", Executor: echo, Rendezvous: &agent.Rendezvous{WorldSize: 1, Address: "h:1", Name: "w 0"}},
		"Rendezvous.Address":                             {Name: "w0", Executor: echo, Rendezvous: &agent.Rendezvous{WorldSize: 1}},
	} {
		_, err := agent.New(c)
		assert.ErrorContains(t, err, want)
	}
}

// An address that cannot be listened on is told with what is wrong with it, and what to do.
func TestNew_listen(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close() //nolint:errcheck // a test's
	for listen, says := range map[string]string{
		"nonsense":              `"nonsense" is not of the form host:port, such as 0.0.0.0:29500`,
		"29500":                 `"29500" is not of the form host:port`,
		"::1:29500":             `"::1:29500" is not of the form host:port, such as [::1]:29500`,
		"127.0.0.1:99999":       `has the port "99999": it must be a number from 0, which stands for any free one, to 65535`,
		"127.0.0.1:-1":          `has the port "-1"`,
		"127.0.0.1:abc":         `has the port "abc"`,
		"192.0.2.1:0":           "192.0.2.1:0 is no address of this machine: listen on one that it has, or on 0.0.0.0 for all",
		taken.Addr().String():   "something listens on " + taken.Addr().String() + " already: choose another port, or 0 for any free one",
		"host.name.invalid.:29": "host.name.invalid.:29 cannot be listened on, as its host is not known",
	} {
		_, err := agent.New(agent.Config{Name: "w0", Executor: echo, Listen: listen})
		var wrong *agent.ConfigError
		require.ErrorAs(t, err, &wrong, listen)
		assert.Equal(t, "Listen", wrong.Field)
		assert.ErrorContains(t, err, says)
	}
	_, err = agent.New(agent.Config{Name: "w0", Executor: echo, Advertise: "w0.example"})
	assert.ErrorContains(t, err, `Config.Advertise: "w0.example" is not of the form host:port`)
	_, err = agent.New(agent.Config{Name: "w0", Executor: echo, Listen: "0.0.0.0:0"})
	assert.ErrorContains(t, err, "the agent listens on 0.0.0.0:0, beyond this machine", "in the words of who gave it")
}

func TestTLS_namesInCertificates(t *testing.T) {
	ca := newAuthority(t)
	identities := make(chan string, 1)
	agents := start(t,
		agent.Config{Name: "w0", TLS: ca.leaf("w0", testcerts.ForName("w0"))},
		agent.Config{Name: "w1", TLS: ca.leaf("w1", testcerts.ForURI("spiffe://test/ns/w1")), Executor: agent.ExecutorFunc(func(ctx context.Context, r agent.Request) (agent.Reply, error) {
			p, _ := agent.PeerFrom(ctx)
			identities <- p.Name + " " + p.Identity
			return agent.Reply{Body: r.Body}, nil
		})},
		agent.Config{Name: "w2", TLS: ca.leaf("w2", testcerts.ForCommonName("w2"))},
		agent.Config{Name: "w3", TLS: ca.leaf("w3", testcerts.ForURI("gopyrpc:w3"))},
		agent.Config{Name: "liar", TLS: ca.leaf("liar", testcerts.ForName("honest"))},
		agent.Config{Name: "host", TLS: ca.leaf("host", testcerts.ForHost("127.0.0.1"))},
	)
	for i := range 4 {
		for to := range 4 {
			_, err := agents[i].Call(testContext(t), agents[to].Name(), agent.Request{})
			require.NoError(t, err, "w%d to w%d", i, to)
			if to == 1 {
				assert.Contains(t, <-identities, agents[i].Name()+" ")
			}
		}
	}
	_, err := agents[4].Call(testContext(t), "w0", agent.Request{})
	assert.Equal(t, codes.PermissionDenied, status.Code(err), "%v", err)
	assert.ErrorContains(t, err, "is for honest, not for worker liar")
	quick := startOne(t, agent.Config{Name: "w9", Rank: 9, TLS: ca.leaf("w9", testcerts.ForName("w9")), StartTimeout: 1,
		Peers: []agent.Worker{{"liar", 1, agents[4].Addr().String()}, {"host", 2, agents[5].Addr().String()}}})
	for _, to := range []string{"liar", "host"} {
		_, err = quick.Call(testContext(t), to, agent.Request{})
		assert.ErrorContains(t, err, "not for worker "+to, "the called worker must prove its name too")
	}
}

func TestTLS_filesAreReadAgain(t *testing.T) {
	ca := newAuthority(t)
	var w wires
	agents := start(t, agent.Config{Name: "w0", Dial: w.dial, TLS: ca.leaf("w0", testcerts.ForName("w0"))},
		agent.Config{Name: "w1", TLS: ca.leaf("w1", testcerts.ForName("w1"))})
	serial := func() int64 {
		conn, err := tls.Dial("tcp", agents[1].Addr().String(), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}})
		require.NoError(t, err)
		defer conn.Close() //nolint:errcheck // it was only to look
		return conn.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
	}
	_, err := agents[0].Call(testContext(t), "w1", agent.Request{})
	require.NoError(t, err)
	first := serial()
	ca.leaf("w1", testcerts.ForName("w1"))
	assert.Greater(t, serial(), first)
	require.NoError(t, os.WriteFile(ca.Path("w1.pem"), []byte("half written"), 0o600))
	assert.Greater(t, serial(), first, "files that cannot be used change nothing")

	// A new authority signs everything anew: agents that run take it over.
	w.cut(false)
	ca.Renew()
	ca.leaf("w0", testcerts.ForName("w0"))
	ca.leaf("w1", testcerts.ForName("w1"))
	assert.Eventually(t, func() bool {
		_, err = agents[0].Call(testContext(t), "w1", agent.Request{})
		return err == nil
	}, patience, pollInterval, "%v", err)
}

func TestToken(t *testing.T) {
	ca := newAuthority(t)
	file := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(file, []byte(secret+"\n"), 0o600))
	t.Setenv("AGENT_TEST_TOKEN", secret)
	shared := ca.leaf("all", testcerts.ForHost("127.0.0.1"))
	agents := start(t, agent.Config{Name: "w0", TLS: shared, Token: &agent.Token{Value: secret}},
		agent.Config{Name: "w1", TLS: shared, Token: &agent.Token{File: file}}, agent.Config{Name: "w2", Token: &agent.Token{Env: "AGENT_TEST_TOKEN"}, TLS: shared},
		agent.Config{Name: "w3", TLS: shared, Token: &agent.Token{Value: "another long secret"}})
	for _, to := range []string{"w0", "w1", "w2"} {
		for _, a := range agents[:3] {
			_, err := a.Call(testContext(t), to, agent.Request{})
			assert.NoError(t, err)
		}
		_, err := agents[3].Call(testContext(t), to, agent.Request{})
		assert.Equal(t, codes.Unauthenticated, status.Code(err), "%v", err)
		assert.ErrorContains(t, err, "wrong token")
	}
	require.NoError(t, os.WriteFile(file, []byte("another long secret"), 0o600))
	assert.Eventually(t, func() bool {
		_, err := agents[3].Call(testContext(t), "w1", agent.Request{})
		return err == nil
	}, patience, pollInterval)
}

func TestToken_whatIsOpenWithoutOne(t *testing.T) {
	a := start(t, agent.Config{Name: "w0", Token: &agent.Token{Value: secret}})[0]
	conn := rawConn(t, a.Addr().String())
	h, err := grpc_health_v1.NewHealthClient(conn).Check(testContext(t), &grpc_health_v1.HealthCheckRequest{})
	require.NoError(t, err)
	assert.Equal(t, grpc_health_v1.HealthCheckResponse_SERVING, h.GetStatus())

	_, err = agentpb.NewAgentClient(conn).Rendezvous(testContext(t), &agentpb.RendezvousRequest{})
	assert.Equal(t, codes.Unauthenticated, status.Code(err))
	assert.Equal(t, codes.Unauthenticated, status.Code(listServices(testContext(t), conn)))
	assert.EqualValues(t, 2, a.Stats().Refused)
}

// listServices asks as a tool like grpcurl does.
func listServices(ctx context.Context, conn *grpc.ClientConn) error {
	stream, err := grpc_reflection_v1.NewServerReflectionClient(conn).ServerReflectionInfo(ctx)
	if err != nil {
		return err
	}
	_ = stream.Send(&grpc_reflection_v1.ServerReflectionRequest{ // what is wrong is said below
		MessageRequest: &grpc_reflection_v1.ServerReflectionRequest_ListServices{}})
	_, err = stream.Recv()
	return err
}

// Tools that know no handshake give the secret, and nothing else, over TLS, and nowhere else.
func TestToken_ofTools(t *testing.T) {
	ca := newAuthority(t)
	files := ca.leaf("w0", testcerts.ForHost("127.0.0.1"))
	overTLS := start(t, agent.Config{Name: "w0", TLS: &agent.TLS{Cert: files.Cert, Key: files.Key}, Token: &agent.Token{Value: secret}})[0]
	var said logs
	inClear := start(t, agent.Config{Name: "w0", Token: &agent.Token{Value: secret}, Logger: said.logger()})[0]
	roots := x509.NewCertPool()
	roots.AddCert(ca.Cert())
	conn, err := grpc.NewClient(overTLS.Addr().String(), grpc.WithTransportCredentials(credentials.NewClientTLSFromCert(roots, "")))
	require.NoError(t, err)
	defer conn.Close() //nolint:errcheck // a test's
	ask := func(conn *grpc.ClientConn, token string) error {
		return listServices(metadata.AppendToOutgoingContext(testContext(t), authKey, token), conn)
	}
	assert.NoError(t, ask(conn, bearer+secret))
	for _, wrong := range []string{bearer + "another long secret", bearer + tokenFor(t, "w0").Value, bearer, secret, ""} {
		assert.Equal(t, codes.Unauthenticated, status.Code(ask(conn, wrong)), wrong)
	}
	old := bearer + "gopyrpc-proof.to.cli.w0.AAAA"
	for _, conn := range []*grpc.ClientConn{conn, rawConn(t, inClear.Addr().String())} {
		assert.ErrorContains(t, ask(conn, old), "the peer proves its token as in version 1 of the protocol, which whoever hears it can repeat; "+
			"this worker speaks version 2: run the same version of gopyrpc on both sides")
	}
	conn = rawConn(t, inClear.Addr().String())
	for _, token := range []string{secret, "another long secret"} { // it is no oracle
		err := ask(conn, bearer+token)
		assert.Equal(t, codes.Unauthenticated, status.Code(err))
		assert.ErrorContains(t, err, "a token in clear text, where others may read it, is not taken, on this machine neither: call with an agent "+
			"(gopyrpc call --token-file), which proves that it has the token and does not send it, or over TLS")
	}
	assert.NotContains(t, said.String(), secret)
}

func TestPolicy(t *testing.T) {
	seen := make(chan agent.Peer, 1)
	agents := start(t, agent.Config{Name: "w0"}, agent.Config{Name: "w1"}, agent.Config{Name: "w2",
		Policy: &agent.Policy{Default: []string{}, Workers: map[string][]string{"w0": {"math:*", "os.path:join"}}},
		Executor: agent.ExecutorFunc(func(ctx context.Context, r agent.Request) (agent.Reply, error) {
			p, ok := agent.PeerFrom(ctx)
			assert.True(t, ok)
			seen <- p
			return agent.Reply{}, nil
		})})
	ask := func(a *agent.Agent) agent.Peer {
		_, err := a.Call(testContext(t), "w2", agent.Request{})
		require.NoError(t, err)
		return <-seen
	}
	p := ask(agents[0])
	assert.Equal(t, "w0", p.Name)
	assert.True(t, p.Restricted() && p.Allows("math:hypot") && p.Allows("os.path:join"))
	assert.False(t, p.Allows("os.path:joiner") || p.Allows("os:system"))
	p = ask(agents[1])
	assert.Equal(t, 1, p.Rank)
	assert.True(t, p.Restricted())
	assert.False(t, p.Allows("math:hypot"))
	_, ok := agent.PeerFrom(t.Context())
	assert.False(t, ok)
	assert.True(t, agent.Peer{}.Allows("anything:at_all"))
	for entry, target := range map[string]string{"a": "a:f", "a.*": "a.b:f", "a:f": "a:f", "a:f*": "a:fg", "a:*": "a:x"} {
		assert.True(t, agent.Peer{Allow: []string{entry}}.Allows(target), "%s %s", entry, target)
	}
	for entry, target := range map[string]string{"a": "ab:f", "a.*": "a:f", "a:f": "a:f.g", "a:f*": "b:fg", "a.b": "a:b"} {
		assert.False(t, agent.Peer{Allow: []string{entry}}.Allows(target), "%s %s", entry, target)
	}
	for _, entry := range []string{"", "*", "a.", "a:", "a*", "a:b*c", "a:b:c", ".a", "1a", "a b"} {
		_, err := agent.New(agent.Config{Name: "w0", Executor: echo, Policy: &agent.Policy{Default: []string{entry}}})
		assert.ErrorContains(t, err, "bad entry", entry)
	}
}
