package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	agentpb "github.com/gopyrpc/gopyrpc/agent/proto"
	"github.com/gopyrpc/gopyrpc/internal/handshake"
)

// squatter listens at a worker's address, takes what callers send, and answers with a pickle that runs code in the caller.
type squatter struct {
	agentpb.UnimplementedAgentServer
	name  string
	heard recorder
}

func (q *squatter) Connect(stream grpc.BidiStreamingServer[agentpb.Frame, agentpb.Frame]) error {
	said, _ := proto.Marshal(&agentpb.Hello{Version: protocolVersion, Name: q.name, Incarnation: 9, MaxMessage: 1 << 20})
	if err := stream.SendHeader(metadata.Pairs(helloKey, string(said))); err != nil {
		return err
	}
	for {
		f, err := stream.Recv()
		if err != nil {
			return err
		}
		_, _ = q.heard.Write(f.GetData())
		if f.GetKind() != agentpb.Kind_KIND_REQUEST {
			continue
		}
		reply := whole(call("os", "system", text(shell)))
		err = stream.Send(&agentpb.Frame{Kind: agentpb.Kind_KIND_REPLY, Call: f.GetCall(), Sizes: []uint64{uint64(len(reply))}, Data: reply})
		if err != nil {
			return err
		}
	}
}

// provingCreds has a squatter answer the handshake with a token of its own, or of another secret.
type provingCreds struct {
	credentials.TransportCredentials
	name string
	keys handshake.Keys
}

func (c provingCreds) ServerHandshake(raw net.Conn) (net.Conn, credentials.AuthInfo, error) {
	_ = raw.SetDeadline(time.Now().Add(patience))
	conn, speaks, err := handshake.Sniff(raw)
	if err == nil && !speaks {
		err = errors.New("no handshake")
	}
	if err == nil {
		_, err = handshake.Server(conn, handshake.Side{Name: c.name, Incarnation: 9, Keys: func() (handshake.Keys, error) { return c.keys, nil }})
	}
	if err != nil {
		_ = raw.Close()
		return nil, nil, err
	}
	_ = raw.SetDeadline(time.Time{})
	return c.TransportCredentials.ServerHandshake(conn)
}

func (c provingCreds) Clone() credentials.TransportCredentials { return c }

// anyKey is the same key for every name.
type anyKey []byte

func (k anyKey) Of(string) []byte { return k }
func (k anyKey) All() bool        { return true }

// squatAttacks are attacks on callers: a squatter has the address of their worker.
func squatAttacks() []attack {
	row := func(name, tries, says string, key func() ([]byte, error)) attack {
		return attack{name: "squatter-" + name, tries: tries, expect: refused, canary: touched,
			host: &host{flags: tokenFlags, open: nil, attack: squat(says, key, true), control: squat("w0", nil, false)}}
	}
	keyOf := func(secret, name string) func() ([]byte, error) {
		return func() ([]byte, error) {
			keys, err := token(secret, name)
			return keys.key, err
		}
	}
	return []attack{
		row("none", "an address of a worker, taken by who has no token, and answers with os.system", "w0", nil),
		row("other-secret", "by who has a token of another secret", "w0", keyOf(otherSecret, "w0")),
		row("other-name", "by a worker with its own token, under the name that is looked for", "w0", keyOf(groupSecret, "w1")),
		row("own-name", "by a worker with its own token, under its own name", "w1", keyOf(groupSecret, "w1")),
	}
}

// squat has gopyrpc call look for w0 where a squatter is. The call carries the house's secret, and must not send it.
func squat(says string, key func() ([]byte, error), withToken bool) func(*site) (string, error) {
	return func(s *site) (string, error) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return "", err
		}
		creds := insecure.NewCredentials()
		if key != nil {
			k, err := key()
			if err != nil {
				return "", err
			}
			creds = provingCreds{creds, says, anyKey(k)}
		}
		q := &squatter{name: says}
		server := grpc.NewServer(grpc.Creds(creds))
		agentpb.RegisterAgentServer(server, q)
		go func() { _ = server.Serve(l) }()
		defer server.Stop()
		said, err := s.calls(l.Addr().String(), withToken)
		if strings.Contains(string(q.heard.bytes()), secret) {
			said = "the squatter has heard " + secret + "; " + said
		}
		return said, err
	}
}

// calls is an honest gopyrpc call, in the agent's folder, so that its canary is the same.
func (s *site) calls(address string, withToken bool) (string, error) {
	args := []string{"--path", s.r.modules, "call", "--timeout", "5s", "--peer", "w0=" + address}
	if withToken {
		args = append(args, "--token-file", s.r.secret)
	}
	ctx, cancel := context.WithTimeout(s.ctx, patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, s.r.gopyrpc, append(args, "w0", "victim:echo", "'"+secret+"'")...)
	cmd.Dir = filepath.Dir(s.canary())
	cmd.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return "an answer: " + strings.TrimSpace(strings.ReplaceAll(string(out), secret, "…")), nil
}
