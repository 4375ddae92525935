package main

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"time"

	"google.golang.org/grpc/metadata"

	"github.com/gopyrpc/gopyrpc/agent"
	agentpb "github.com/gopyrpc/gopyrpc/agent/proto"
	"github.com/gopyrpc/gopyrpc/internal/handshake"
)

const (
	groupSecret = "correct horse battery staple"
	otherSecret = "wrong mule battery staple"
	// secretFile is the placeholder in flags for the file that has the group's secret.
	secretFile = "@secret"
)

// tokenFlags are the flags of an agent that lets in peers with a token, to run anything: the effect of a call is the canary.
var tokenFlags = []string{"--token-file", secretFile}

// keysOf are the keys of a token, which has one name.
type keysOf struct {
	name string
	key  []byte
}

func (k keysOf) Of(name string) []byte {
	if name == k.name {
		return k.key
	}
	return nil
}

func (k keysOf) All() bool { return false }

// token is the key of a name, by a secret.
func token(secret, name string) (keysOf, error) {
	text, err := agent.TokenFor(secret, name)
	if err != nil {
		return keysOf{}, err
	}
	key, err := base64.RawURLEncoding.DecodeString(text[strings.LastIndexByte(text, '.')+1:])
	return keysOf{name, key}, err
}

type dialer = func(context.Context, string) (net.Conn, error)

// proving returns a dialer that proves a name before gRPC begins.
func proving(name string, keys keysOf, incarnation uint64) dialer {
	return func(ctx context.Context, address string) (net.Conn, error) {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
		if err != nil {
			return nil, err
		}
		_ = conn.SetDeadline(time.Now().Add(patience))
		side := handshake.Side{Name: name, Incarnation: incarnation, Keys: func() (handshake.Keys, error) { return keys, nil }}
		if _, err := handshake.Client(conn, side, "w0"); err != nil {
			_ = conn.Close()
			return nil, err
		}
		return conn, conn.SetDeadline(time.Time{})
	}
}

// comes is a call of os.system by a peer that proves a name, by a token, and claims another name.
func comes(secret, tokenOf, proves, says string, incarnation uint64) func(*site) (string, error) {
	return func(s *site) (string, error) {
		keys, err := token(secret, tokenOf)
		if err != nil {
			return "", err
		}
		keys.name = proves // the peer's key is taken for the key of that name
		return runs(s.ctx, s.address(0), &agentpb.Hello{Version: protocolVersion, Name: says, Incarnation: incarnation}, proving(proves, keys, 7))
	}
}

// runs opens a stream and calls os.system.
func runs(ctx context.Context, address string, hello *agentpb.Hello, dial dialer) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, patience/4)
	defer cancel()
	p, err := dialRaw(ctx, address, hello, dial)
	if err != nil {
		return "", err
	}
	defer p.close()
	reply, err := p.call(udf(global("os", "system"), text(shell)))
	return said(reply), err
}

func hello(name string) *agentpb.Hello {
	return &agentpb.Hello{Version: protocolVersion, Name: name, Incarnation: 7}
}

// rightToken is the control of attacks on tokens: a peer with the right token is let in, and what it calls is seen.
var rightToken = comes(groupSecret, "w2", "w2", "w2", 7)

// tokenAttacks are peers that come without a proof of their name.
func tokenAttacks() []attack {
	row := func(name, tries string, do func(*site) (string, error)) attack {
		return attack{name: "token-" + name, tries: tries, expect: refused, canary: touched, host: &host{flags: tokenFlags, open: tokenFlags, attack: do, control: rightToken}}
	}
	withHeader := func(value string) func(*site) (string, error) {
		return func(s *site) (string, error) {
			return runs(metadata.AppendToOutgoingContext(s.ctx, "authorization", "Bearer "+value), s.address(0), hello("w2"), nil)
		}
	}
	return []attack{
		row("none", "a worker without a token", func(s *site) (string, error) { return runs(s.ctx, s.address(0), hello("w2"), nil) }),
		row("guest-none", "a guest without one", func(s *site) (string, error) { return runs(s.ctx, s.address(0), hello("cli"), nil) }),
		row("other-secret", "one with a token of another secret", comes(otherSecret, "w2", "w2", "w2", 7)),
		row("other-name", "one with the token of another name", comes(groupSecret, "cli", "w2", "w2", 7)),
		row("says-another", "one that proves a name, and then says another", comes(groupSecret, "w2", "w2", "w3", 7)),
		row("says-another-life", "one that proves a life, and then says another", comes(groupSecret, "w2", "w2", "w2", 8)),
		row("bearer-clear", "the secret itself as a bearer's, in clear text", withHeader(groupSecret)),
		row("bearer-other", "another secret as a bearer's", withHeader(otherSecret)),
		row("proof-of-version-1", "a proof of version 1 of the protocol, which was good for ever", withHeader("gopyrpc-proof.from.w2.w0."+base64.RawURLEncoding.EncodeToString(make([]byte, 32)))),
		row("version-1", "a worker that speaks version 1", func(s *site) (string, error) {
			return runs(s.ctx, s.address(0), &agentpb.Hello{Version: 1, Name: "w2", Incarnation: 7}, nil)
		}),
		row("replay", "all that a worker once sent, again", replay(false)),
		row("replay-in-time", "the same, each part when it is due", replay(true)),
		row("reflection", "the agent's own proof, sent back to it", reflection),
		row("rest-alone", "what follows a handshake, without one", func(s *site) (string, error) {
			heard, err := s.overheard()
			if err != nil {
				return "", err
			}
			return pour(s, heard[firstMessage(heard):])
		}),
	}
}

// overheard is what an honest worker sends to the agent for a call, as it was recorded on the way.
func (s *site) overheard() ([]byte, error) {
	keys, err := token(groupSecret, "w2")
	if err != nil {
		return nil, err
	}
	var tap recorder
	honest := proving("w2", keys, 7)
	through, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	defer func() { _ = through.Close() }()
	go relay(through, s.address(0), &tap)
	if _, err := runs(s.ctx, through.Addr().String(), hello("w2"), honest); err != nil {
		return nil, fmt.Errorf("the honest call: %w", err)
	}
	if _, err := os.Stat(s.canary()); err != nil {
		return nil, errors.New("the honest call has not run")
	}
	return tap.bytes(), os.Remove(s.canary())
}

// relay passes the connections of a listener on to the agent, and keeps what goes there.
func relay(l net.Listener, to string, tap *recorder) {
	for {
		down, err := l.Accept()
		if err != nil {
			return
		}
		up, err := net.Dial("tcp", to)
		if err != nil {
			_ = down.Close()
			return
		}
		go func() { _, _ = io.Copy(down, up); _ = down.Close() }()
		go func() { _, _ = io.Copy(io.MultiWriter(up, tap), down); _ = up.Close() }()
	}
}

// firstMessage is the length of a handshake's first message, in bytes.
func firstMessage(stream []byte) int {
	const head = 11 // the magic, the kind, and the length of the rest
	if len(stream) < head {
		return len(stream)
	}
	return min(len(stream), head+int(binary.BigEndian.Uint16(stream[head-2:])))
}

func replay(inTime bool) func(*site) (string, error) {
	return func(s *site) (string, error) {
		heard, err := s.overheard()
		if err != nil {
			return "", err
		}
		if !inTime {
			return pour(s, heard)
		}
		first := firstMessage(heard)
		return pour(s, heard[:first], heard[first:])
	}
}

// pour sends bytes to the agent, waits for an answer between two parts, and then for the end of the connection.
func pour(s *site, parts ...[]byte) (string, error) {
	conn, err := net.Dial("tcp", s.address(0))
	if err != nil {
		return "", err
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(patience / 4))
	var back []byte
	for _, part := range parts {
		if _, err := conn.Write(part); err != nil {
			return "", err
		}
		buffer := make([]byte, 4096)
		n, err := conn.Read(buffer)
		back = append(back, buffer[:n]...)
		if err != nil {
			return "", fmt.Errorf("the connection ended after %q: %w", back, err)
		}
	}
	rest, err := io.ReadAll(conn)
	if err == nil {
		err = io.EOF
	}
	return "", fmt.Errorf("the connection ended after %q: %w", oneLine(string(append(back, rest...))), err)
}

// reflection answers a challenge with the proof that the challenge itself has.
func reflection(s *site) (string, error) {
	heard, err := s.overheard()
	if err != nil {
		return "", err
	}
	conn, err := net.Dial("tcp", s.address(0))
	if err != nil {
		return "", err
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(patience / 4))
	first := firstMessage(heard)
	if _, err := conn.Write(heard[:first]); err != nil {
		return "", err
	}
	head := make([]byte, 11)
	if _, err := io.ReadFull(conn, head); err != nil {
		return "", err
	}
	challenge := make([]byte, binary.BigEndian.Uint16(head[9:]))
	if _, err := io.ReadFull(conn, challenge); err != nil || len(challenge) < 32 {
		return "", fmt.Errorf("no challenge: %w", err)
	}
	proof := append(append([]byte{}, head[:8]...), 3, 0, 32)
	proof = append(proof, challenge[len(challenge)-32:]...)
	second := heard[first:]
	if _, err := conn.Write(append(proof, second[firstMessage(second):]...)); err != nil {
		return "", err
	}
	back, err := io.ReadAll(conn)
	return "", fmt.Errorf("the connection ended after %q: %w", oneLine(string(back)), errors.Join(err, io.EOF))
}
