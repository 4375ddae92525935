package main

import (
	"slices"

	agentpb "github.com/gopyrpc/gopyrpc/agent/proto"
)

// overWire are the attacks, some of each kind, that are made on an agent, too, and not on a handler alone.
var overWire = []string{
	"gadget-os.system", "gadget-builtins.eval", "gadget-pty.spawn", "gadget-os._exit", "chain-getattr", "chain-partial", "chain-finalize", "chain-codecs-encode",
	"name-alias", "name-cyrillic", "name-secret", "name-dotted-globals", "name-call-builtin", "opcode-inst", "opcode-obj", "opcode-broken-end", "opcode-after-stop",
	"opcode-udf-function", "opcode-line-in-2", "frame-hidden-defaults", "frame-memo-index", "build-function", "build-enum", "build-kept", "build-decorator",
	"live-dict", "live-environ", "nest-tuples-hashed", "nest-obj", "nest-tuples-doubled", "nest-laughs", "hash-int", "hash-uuid", "size-fraction",
	"size-list-of-range", "size-bytearray", "result-import", "result-global", "exception-request-args", "array-objects-call", "tensor-load-from-bytes",
}

// agentCallAttacks are the attacks of overWire, sent by a worker of the group. Some are sent by a guest, too, and as requests whose
// result is kept.
func agentCallAttacks(handlers []attack) (all []attack) {
	guests := []string{"gadget-os.system", "name-alias", "frame-hidden-defaults", "build-function", "live-dict", "nest-obj", "size-fraction", "result-import"}
	kept := []string{"gadget-os.system", "name-alias", "build-kept", "live-dict", "nest-tuples-hashed", "result-import"}
	row := func(on attack, prefix, by, name string, method agentpb.Method) attack {
		a := attack{name: prefix + on.name, tries: by + on.tries, expect: on.expect, canary: on.canary, imports: on.imports, needs: on.needs, inert: on.inert}
		a.host = &host{as: on.name, attack: func(s *site) (string, error) {
			p, err := s.raw(name)
			if err != nil {
				return "", err
			}
			defer p.close()
			return p.request(method, on)
		}}
		return a
	}
	for _, on := range handlers {
		if slices.Contains(overWire, on.name) {
			all = append(all, row(on, "agent-worker-", "a worker: ", "w2", agentpb.Method_METHOD_CALL))
		}
		if slices.Contains(guests, on.name) {
			all = append(all, row(on, "agent-guest-", "a guest: ", "cli", agentpb.Method_METHOD_CALL))
		}
		if slices.Contains(kept, on.name) && on.name != "result-import" {
			all = append(all, row(on, "agent-kept-", "a value that is kept: ", "w2", agentpb.Method_METHOD_REMOTE))
		}
	}
	return all
}

// request sends the payload of an attack on a handler.
func (p *peer) request(method agentpb.Method, on attack) (string, error) {
	data := on.payload
	if on.large != nil {
		data = on.large()
	}
	if method == agentpb.Method_METHOD_CALL {
		reply, err := p.call(data)
		return said(reply), err
	}
	ref := p.newReference()
	if _, err := p.ask(method, data, ref); err != nil {
		return "", err
	}
	reply, err := p.ask(agentpb.Method_METHOD_FETCH, nil, p.known(ref))
	return said(reply), err
}

// said is what a row tells of a reply: the reply's text where the text matters.
func said(reply string) string {
	if reply == "" {
		return ""
	}
	return "an answer: " + readable(reply)
}
