package main

import (
	"bytes"
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/internal/testcerts"
)

func tlsFlags(f testcerts.Files) []string {
	return []string{"--tls-cert", f.Cert, "--tls-key", f.Key, "--tls-ca", f.CA}
}

// TestAgentTLS: both sides prove who they are, and who cannot is told why and what to do. The timeout shows
// that nobody waits for that in vain.
func TestAgentTLS(t *testing.T) {
	ca, other := testcerts.New(t), testcerts.New(t)
	cert := func(name string) testcerts.Files { return ca.Leaf(name, testcerts.ForName(name)) }
	s := serveAgent(t, append(tlsFlags(cert("w0")), "--name", "w0", "--guest", "cli", "--guest", "bob")...)
	call := func(f testcerts.Files, args ...string) ended {
		args = append(tlsFlags(f), args...)
		return gopyrpc(t, "", append(append([]string{"call", "--peer", s.peer}, args...), "w0", "math:hypot", "3", "4")...)
	}
	cli, foreign := cert("cli"), other.Leaf("cli", testcerts.ForName("cli"))
	assert.Equal(t, "5.0\n", call(cli).ok(t))
	assert.Equal(t, "5.0\n", call(cert("bob"), "--as", "bob").ok(t))

	call(testcerts.Files{Cert: foreign.Cert, Key: foreign.Key, CA: cli.CA}).failed(t, 1,
		"does not accept the certificate of this one, "+foreign.Cert, "unknown certificate authority", "must be valid, and come from its CA")
	call(testcerts.Files{Cert: cli.Cert, Key: cli.Key, CA: foreign.CA}).failed(t, 1,
		"does not come from a root of "+foreign.CA, "give the CA that signed it")
	call(cert("bob")).failed(t, 1, "the certificate is for bob, not for worker cli: give that worker one of its own name")
	old := ca.Leaf("old", testcerts.Expired(testcerts.ForName("cli")))
	call(old).failed(t, 1, old.Cert+" expired at ", "renew it, or set this machine's clock")
	gopyrpc(t, "", "agent", "--name", "w0", "--tls-cert", old.Cert, "--tls-key", old.Key, "--tls-ca", old.CA).failed(t, 1, old.Cert+" expired at ")

	ca.Leaf("w0", testcerts.ForName("w1")) // it takes that over without a restart
	call(cli).failed(t, 1, "is for w1, not for worker w0: correct the address, or give that worker a certificate of its name")
	ca.Renew() // of the same name, another key
	cert("w0")
	assert.Equal(t, "5.0\n", call(cert("cli")).ok(t))
	s.stop(t)
}

// TestRunTLS: programs that find each other with init_rpc, with certificates of their names.
func TestRunTLS(t *testing.T) {
	python(t)
	ca, other := testcerts.New(t), testcerts.New(t)
	program := func(port string, rank int, f testcerts.Files) *exec.Cmd {
		cmd := command(t, append(append([]string{"run"}, tlsFlags(f)...), filepath.Join(testdata(t), "cmd_group.py"))...)
		cmd.Env = append(cmd.Environ(), fmt.Sprint("RANK=", rank), "WORLD_SIZE=2", "MASTER_ADDR=127.0.0.1", "MASTER_PORT="+port)
		return cmd
	}
	host := testcerts.ForName("worker0")
	host.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1)} // where the others look for it
	first := program(freePort(t), 0, ca.Leaf("worker0", host))
	port := strings.TrimPrefix(first.Env[len(first.Env)-1], "MASTER_PORT=")
	var stdout bytes.Buffer
	first.Stdout = &stdout
	require.NoError(t, first.Start())
	t.Cleanup(func() { _ = first.Process.Kill() })

	good := ca.Leaf("worker1", testcerts.ForName("worker1"))
	foreign := other.Leaf("worker1", testcerts.ForName("worker1"))
	for says, files := range map[string]testcerts.Files{
		"does not come from a root of " + foreign.CA:                                  {Cert: good.Cert, Key: good.Key, CA: foreign.CA},
		"does not accept the certificate of this one, " + foreign.Cert:                {Cert: foreign.Cert, Key: foreign.Key, CA: good.CA},
		"the certificate is for bob, not for worker worker1: give that worker one of": ca.Leaf("bob", testcerts.ForName("bob")),
		" expired at ": ca.Leaf("old", testcerts.Expired(testcerts.ForName("worker1"))),
	} {
		finish(t, program(port, 1, files)).raised(t, "RuntimeError", says)
	}
	assert.Equal(t, "worker1 asked worker0: worker0\n", finish(t, program(port, 1, good)).ok(t))
	require.NoError(t, first.Wait())
	assert.Equal(t, "worker0 asked worker1: worker1\n", stdout.String())
}

// TestToken: a guest with a token for one name comes in by that name only.
func TestToken(t *testing.T) {
	secret := write(t, "secret", "correct horse battery staple\n")
	bob := write(t, "bob.token", here(t, "token", "--token-file", secret, "bob").ok(t))
	here(t, "token", "bob").failed(t, 2, "--token-file is missing")
	here(t, "token", "--token-file", secret).failed(t, 2, "accepts 1 arg(s)")
	here(t, "token", "--token-file", secret, "b b").failed(t, 1, `"b b" is no name for a worker`)
	here(t, "token", "--token-file", bob, "eve").failed(t, 1, "this is the token of worker bob")
	here(t, "token", "--token-file", secret+"2", "bob").failed(t, 1, "the secret cannot be read")

	s := serveAgent(t, "--name", "w0", "--guest", "cli", "--guest", "bob", "--token-file", secret)
	call := func(args ...string) ended {
		return gopyrpc(t, "", append(append([]string{"call", "--peer", s.peer}, args...), "w0", "math:hypot", "3", "4")...)
	}
	assert.Equal(t, "5.0\n", call("--token-file", secret).ok(t))
	assert.Equal(t, "5.0\n", call("--token-file", bob, "--as", "bob").ok(t))
	call("--token-file", bob).failed(t, 1, "the token is for worker bob, and this is cli")
	call().failed(t, 1, "Unauthenticated", "no token: this worker wants one")
	call("--token-file", write(t, "other", "another long secret")).failed(t, 1, "wrong token: worker cli and worker w0 do not have tokens of the same secret")
}

// everywhere is the address at which a worker listens that listens on all of them: no loopback address, and reached from here.
func everywhere(s *served) string {
	port := s.peer[strings.LastIndexByte(s.peer, ':')+1:]
	return "w0=0.0.0.0:" + port
}

// TestGuestBeyondLoopback: a guest needs TLS and a token, and no certificate, or the word that it is to be insecure.
func TestGuestBeyondLoopback(t *testing.T) {
	ca := testcerts.New(t)
	secret := write(t, "secret", "correct horse battery staple\n")
	token := write(t, "cli.token", here(t, "token", "--token-file", secret, "cli").ok(t))
	files := ca.Leaf("w0", testcerts.ForName("w0"))
	call := func(s *served, args ...string) ended {
		return gopyrpc(t, "", append(append([]string{"call", "--peer", everywhere(s)}, args...), "w0", "math:hypot", "3", "4")...)
	}
	s := serveAgent(t, append(tlsFlags(files), "--name", "w0", "--listen", "0.0.0.0:0", "--token-file", secret)...)
	assert.Equal(t, "5.0\n", call(s, "--tls-ca", files.CA, "--token-file", token).ok(t))
	call(s, "--token-file", token).failed(t, 1, "insecure configuration", "--tls-ca")
	call(s, "--tls-ca", files.CA, "--token-file", write(t, "other", "another long secret")).failed(t, 1, "wrong token")
	s.stop(t)

	s = serveAgent(t, "--name", "w0", "--listen", "0.0.0.0:0", "--insecure")
	call(s).failed(t, 1, "insecure configuration", "calls worker w0 at 0.0.0.0:", "--insecure")
	out := call(s, "--insecure")
	assert.Zero(t, out.status)
	assert.Equal(t, "5.0\n", out.stdout)
	assert.Contains(t, out.stderr, "INSECURE: whoever is on the way can read and change what is sent")
	s.stop(t)
}
