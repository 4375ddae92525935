package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/handler"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// canaryFile is in the working directory of each victim.
const canaryFile = "canary"

// victim is a process with Python and a handler, which suffers attacks.
type victim struct {
	role
	rt     *pybridge.Runtime
	h      *handler.Handler
	module *pybridge.Object // victim.py
	events *json.Encoder
	secret bool // whether the last reply held the secret
}

// secret is what victim.py keeps to itself.
const secret = "SECRET-of-the-house"

var background = context.Background()

// startPython starts Python with the victim's modules.
func startPython(r role) (*pybridge.Runtime, error) {
	return pybridge.Start(background, pybridge.WithPath(r.Modules))
}

// beVictim suffers attacks of one list. It ends at the first attack that works, as later outcomes would say nothing.
func beVictim(r role, events *json.Encoder) error {
	rt, err := startPython(r)
	if err != nil {
		return err
	}
	v := &victim{role: r, rt: rt, events: events}
	attacks := byName()
	var opts []handler.Option
	if r.Restricted {
		opts = append(opts, handler.WithAllow(attacks[r.Attacks[0]].list()...))
	}
	if v.h, err = handler.New(background, rt, opts...); err != nil {
		return err
	}
	err = gil.With(background, func(t gil.Token) error {
		v.module, err = rt.Import(t, "victim")
		return err
	})
	if err != nil {
		return err
	}
	if err := v.honest(); err != nil { // modules that the first call imports must not count as an attack's
		return fmt.Errorf("the honest call before all attacks: %w", err)
	}
	for _, name := range r.Attacks {
		if v.suffer(attacks[name]) {
			return nil
		}
	}
	return nil
}

func byName() map[string]attack {
	m := map[string]attack{}
	for _, a := range allAttacks() {
		m[a.name] = a
	}
	return m
}

// suffer makes one attack, and says whether it has worked.
func (v *victim) suffer(a attack) bool {
	e := event{Name: a.name}
	if a.needs != "" {
		if err := v.needs(a); err != nil {
			e.Skip = "this Python has no " + a.needs
			_ = v.events.Encode(e)
			return false
		}
	}
	p, err := v.payloadOf(a)
	if err == nil {
		err = v.python("remember", a.imports, nil)
	}
	if err != nil {
		e.Skip = "the attack cannot be made: " + err.Error()
		_ = v.events.Encode(e)
		return false
	}
	defer p.Release()
	_ = os.Remove(canaryFile)
	_ = v.events.Encode(event{Name: a.name, Begun: true})
	v.secret = false
	guard := v.watch(a.name)
	said, grown, err := v.attack(a, p)
	honest := v.honest()
	e.Fired = guard.end()
	e.Said = said
	if err != nil {
		e.Error = strings.TrimSpace(err.Error())
	}
	if honest != nil {
		e.Fired = append(e.Fired, firing{deaf, honest.Error()})
	}
	if v.secret {
		e.Fired = append(e.Fired, firing{leaked, "the victim's secret is in the reply"})
	}
	if a.grown > 0 && grown > a.grown {
		e.Fired = append(e.Fired, firing{leaked, fmt.Sprintf("a reply of %d bytes", grown)})
	}
	e.Fired = append(e.Fired, v.canaries()...)
	_ = v.events.Encode(e)
	return len(e.Fired) > 0
}

// canaries looks for the canaries that can be seen after an attack.
func (v *victim) canaries() (fired []firing) {
	if _, err := os.Stat(canaryFile); err == nil {
		fired = append(fired, firing{touched, "a file was made"})
	}
	var text string
	if err := v.python("differences", nil, &text); err != nil {
		return append(fired, firing{changed, "the victim cannot say what it is: " + err.Error()})
	}
	var found [2][]string
	_ = json.Unmarshal([]byte(text), &found)
	for _, name := range found[0] {
		fired = append(fired, firing{changed, name})
	}
	for _, name := range found[1] {
		fired = append(fired, firing{imported, name})
	}
	return fired
}

// attack sends the payload, and says what came back.
func (v *victim) attack(a attack, p handler.Payload) (said string, grown int64, err error) {
	switch {
	case a.file && !v.Restricted:
		return "", 0, v.python("load_file", p.Data, nil)
	case a.reply:
		return v.readReply(p)
	}
	reply, err := v.h.RunUDF(background, p)
	if err != nil {
		return "", 0, err
	}
	defer reply.Release()
	v.secret = bytes.Contains(reply.Data, []byte(secret))
	flat, err := v.h.Flatten(background, reply)
	if err != nil {
		return "a reply that cannot be sent: " + err.Error(), 0, nil
	}
	defer flat.Release()
	said = fmt.Sprintf("an answer of %d bytes", flat.Len())
	if bytes.Contains(reply.Data, []byte("_remote_exception")) {
		said = raised
	}
	return said, flat.Len(), nil
}

// readReply takes the payload for the reply to a call of the victim's.
func (v *victim) readReply(p handler.Payload) (said string, grown int64, err error) {
	result, err := v.h.Deserialize(background, p)
	if err != nil {
		return "", 0, err
	}
	defer result.Release()
	if err := v.h.HandleException(background, result); err != nil {
		return "an exception for the caller: " + err.Error(), 0, nil
	}
	return "a value", 0, nil
}

// honest makes a call that has to work whatever attacks came before.
func (v *victim) honest() error {
	reply, err := v.h.RunUDF(background, handler.Payload{Data: request(text("an honest call"))})
	if err != nil {
		return err
	}
	defer reply.Release()
	if !bytes.Contains(reply.Data, []byte("an honest call")) {
		return fmt.Errorf("an honest call has another result: %q", reply.Data)
	}
	return nil
}

// payloadOf is the payload that the attack sends.
func (v *victim) payloadOf(a attack) (p handler.Payload, err error) {
	p.Data = a.payload
	if a.large != nil {
		p.Data = a.large()
	}
	if a.source != "" {
		if p.Data, err = os.ReadFile(filepath.Join(v.Payloads, a.name)); err != nil {
			return p, err
		}
	}
	if a.tensors == "" {
		return p, nil
	}
	err = gil.With(background, func(t gil.Token) error {
		made, err := v.module.CallMethod(t, "tensors_of", a.tensors)
		if err != nil {
			return err
		}
		return made.Iterate(t, func(item *pybridge.Object) error {
			p.Tensors = append(p.Tensors, handler.NewTensor(item))
			return nil
		})
	})
	return p, err
}

// needs makes sure that the module exists that is attacked. Numpy and torch are imported here, so that the attack does not pay for
// their memory.
func (v *victim) needs(a attack) error {
	if slices.Contains(a.imports, a.needs) {
		return v.python("find", a.needs, nil)
	}
	return gil.With(background, func(t gil.Token) error {
		m, err := v.rt.Import(t, a.needs)
		m.Release()
		return err
	})
}

// python calls a function of victim.py.
func (v *victim) python(function string, arg any, result *string) error {
	return gil.With(background, func(t gil.Token) error {
		var args []any
		if result == nil {
			args = append(args, arg)
		}
		out, err := v.module.CallMethod(t, function, args...)
		if err != nil {
			return err
		}
		defer out.Release()
		if result != nil {
			*result, err = pybridge.As[string](t, out)
		}
		return err
	})
}
