package main

import (
	"errors"
	"fmt"

	"google.golang.org/protobuf/proto"

	agentpb "github.com/gopyrpc/gopyrpc/agent/proto"
)

// newReference is a reference to a value that the peer has the agent make.
func (p *peer) newReference() *agentpb.Reference {
	p.made++
	return &agentpb.Reference{
		Rref: &agentpb.Id{Rank: p.rank, Local: 2 * p.made}, Fork: &agentpb.Id{Rank: p.rank, Local: 2*p.made + 1}, Secret: made(),
	}
}

// known is a reference of METHOD_REMOTE as later messages have it.
func (p *peer) known(ref *agentpb.Reference) *agentpb.Reference {
	ref.Incarnation = p.incarnation
	return ref
}

// given has the agent give the peer an RRef to the agent's secret, as the agent may, and returns the fork that came.
func (p *peer) given() (*agentpb.Fork, error) {
	reply, err := p.call(udf(global("victim", "secret_rref")))
	if err != nil {
		return nil, err
	}
	for at := range len(reply) - 2 {
		// SHORT_BINBYTES with a message inside.
		n := int(reply[at+1])
		if reply[at] != 'C' || at+2+n > len(reply) {
			continue
		}
		var f agentpb.Fork
		if proto.Unmarshal([]byte(reply[at+2:at+2+n]), &f) == nil && f.GetOwner() == "w0" && f.GetReference().GetRref() != nil {
			return &f, nil
		}
	}
	return nil, errors.New("there is no fork in the reply")
}

func (p *peer) fetch(ref *agentpb.Reference) (string, error) {
	reply, err := p.ask(agentpb.Method_METHOD_FETCH, nil, ref)
	if err == nil {
		reply = "fetched: " + readable(reply)
	}
	return reply, err
}

// other is a second peer, which comes to the same agent under another name.
func (p *peer) other(name string) (*peer, error) {
	return dialRaw(background, p.address, &agentpb.Hello{Version: protocolVersion, Name: name, Incarnation: 7}, nil)
}

// guess tries the ids that the agent's first values have, and returns the first answer.
func (p *peer) guess(do func(rref *agentpb.Id) (string, error)) (string, error) {
	var last error
	for local := uint64(1); local <= 12; local++ {
		said, err := do(&agentpb.Id{Rank: 0, Local: local})
		if err == nil {
			return said, nil
		}
		last = err
	}
	return "", last
}

// by is an attack by a peer that comes under a name, on an agent that has a secret in an RRef.
func by(name string, do func(*peer) (string, error)) func(*site) (string, error) {
	return func(s *site) (string, error) {
		p, err := s.raw(name)
		if err != nil {
			return "", err
		}
		defer p.close()
		return do(p)
	}
}

// given is an attack with the reference that w2 was given.
func given(do func(*peer, *agentpb.Reference) (string, error)) func(*site) (string, error) {
	return by("w2", func(p *peer) (string, error) {
		f, err := p.given()
		if err != nil {
			return "", fmt.Errorf("nothing was given: %w", err)
		}
		return do(p, f.GetReference())
	})
}

// lend lets a second worker do something with the reference that this worker has.
func (p *peer) lend(do func(thief *peer) (string, error)) (string, error) {
	thief, err := p.other("w3")
	if err != nil {
		return "", err
	}
	defer thief.close()
	return do(thief)
}

// rightful is the control of attacks on RRefs: the worker that was given an RRef gets the value, so the secret can be seen.
var rightful = given(func(p *peer, ref *agentpb.Reference) (string, error) { return p.fetch(ref) })

// rrefAttacks forge references to values.
func rrefAttacks() []attack {
	row := func(name, tries string, do func(*site) (string, error)) attack {
		return attack{name: "rref-" + name, tries: tries, expect: refused, canary: leaked, host: &host{attack: do, control: rightful, open: restrictedFlags}}
	}
	forked := func(p *peer) (string, error) {
		return p.guess(func(id *agentpb.Id) (string, error) {
			ref := &agentpb.Reference{Rref: id, Fork: &agentpb.Id{Rank: p.rank, Local: 99}, Incarnation: p.incarnation, Secret: made()}
			if _, err := p.ask(agentpb.Method_METHOD_RREF_FORK, nil, ref); err != nil {
				return "", err
			}
			return p.fetch(ref)
		})
	}
	fetched := func(p *peer) (string, error) {
		return p.guess(func(id *agentpb.Id) (string, error) {
			var said string
			var err error
			for fork := uint64(1); fork <= 12; fork++ { // the forks that the owner itself makes
				ref := &agentpb.Reference{Rref: id, Fork: &agentpb.Id{Rank: 0, Local: fork}, Incarnation: p.incarnation}
				if said, err = p.fetch(ref); err == nil {
					break
				}
			}
			return said, err
		})
	}
	adopted := func(parent string) func(*peer) (string, error) {
		return func(p *peer) (string, error) {
			return p.guess(func(id *agentpb.Id) (string, error) {
				fork, _ := proto.Marshal(&agentpb.Fork{Owner: "w0", Parent: parent, To: "w0",
					Reference: &agentpb.Reference{Rref: id, Fork: &agentpb.Id{Rank: 1, Local: 99}, Incarnation: p.incarnation, Secret: made()}})
				reply, err := p.call(udf(global("victim", "open_rref"), call("gopyrpc.internal", "_receive_rref", blob(string(fork)))))
				return "answered: " + readable(reply), err
			})
		}
	}
	return []attack{
		row("fork-stranger", "a worker enters itself as a user of ids 1 to 12, and fetches", by("w3", forked)),
		row("fork-guest", "a guest does", by("cli", forked)),
		row("fetch-stranger", "a worker fetches by the owner's own forks", by("w3", fetched)),
		row("fetch-guest", "a guest does", by("cli", fetched)),
		row("adopt-owner", "a worker sends a made-up fork whose parent is the owner", by("w3", adopted("w0"))),
		row("adopt-worker", "a worker sends one whose parent is another worker", by("w3", adopted("w1"))),
		row("adopt-guest", "a guest sends one", by("cli", adopted("w1"))),
		row("replay-other", "a worker uses the reference that another one was given", given(func(p *peer, ref *agentpb.Reference) (string, error) {
			return p.lend(func(thief *peer) (string, error) { return thief.fetch(ref) })
		})),
		row("replay-fork", "the same, after it has entered itself", given(func(p *peer, ref *agentpb.Reference) (string, error) {
			return p.lend(func(thief *peer) (string, error) {
				if _, err := thief.ask(agentpb.Method_METHOD_RREF_FORK, nil, ref); err != nil {
					return "", err
				}
				return thief.fetch(ref)
			})
		})),
		row("replay-released", "a worker uses a reference that it has released", given(func(p *peer, ref *agentpb.Reference) (string, error) {
			if _, err := p.ask(agentpb.Method_METHOD_RREF_DELETE, nil, ref); err != nil {
				return "", err
			}
			return p.fetch(ref)
		})),
		row("secret-wrong", "a worker uses its own reference with one bit of its secret changed", given(func(p *peer, ref *agentpb.Reference) (string, error) {
			if len(ref.GetSecret()) == 0 {
				return p.fetch(ref) // the value does not exist, so no reference is needed
			}
			ref.Secret[3] ^= 1
			return p.fetch(ref)
		})),
		row("incarnation", "a worker uses its reference with the incarnation of another life", given(func(p *peer, ref *agentpb.Reference) (string, error) {
			ref.Incarnation++
			return p.fetch(ref)
		})),
		{name: "rref-delete-stranger", tries: "a worker releases, by ids 1 to 12, what others have, and the owner itself", expect: harmless, canary: changed,
			host: &host{open: restrictedFlags, attack: by("w3", func(p *peer) (string, error) {
				return p.guess(func(id *agentpb.Id) (string, error) {
					for fork := uint64(1); fork <= 12; fork++ {
						ref := &agentpb.Reference{Rref: id, Fork: &agentpb.Id{Rank: 0, Local: fork}, Incarnation: p.incarnation, Secret: made()}
						_, _ = p.ask(agentpb.Method_METHOD_RREF_DELETE, nil, ref)
						_, _ = p.ask(agentpb.Method_METHOD_RREF_ACCEPT, nil, ref)
					}
					return "", errors.New("nothing came of it")
				})
			}), control: by("w2", func(p *peer) (string, error) { return p.call(udf(global("victim", "drop_secret"))) })}},
	}
}

// made is an RRef with a secret, of which the peer has not been told.
func made() []byte { return []byte("0123456789abcdef") }
