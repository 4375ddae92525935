package policy

import (
	"errors"

	"github.com/gopyrpc/gopyrpc/handler/pickle"
)

// Request reads a call: a PythonUDF of what may be called, with arguments that may come in. The body's parts, joined,
// are the pickle; they may lie in memory that the peer still writes to, and large bytes stay there. Python is not
// entered.
//
// The error is a [*Refusal] where the policy does not let something in, and a [*pickle.Error] where the payload is no
// pickle that CPython would write, or exceeds a limit.
func (p *Policy) Request(body [][]byte) (pickle.Output, error) { return p.read(body, true) }

// Reply reads what a call gave: any value that may come in, or a RemoteException. Otherwise it is like [Policy.Request].
func (p *Policy) Reply(body [][]byte) (pickle.Output, error) { return p.read(body, false) }

func (p *Policy) read(body [][]byte, isRequest bool) (pickle.Output, error) {
	r := readings.Get().(*reading)
	r.policy, r.limits = p, limitsOf(p.limits, body)
	r.arena = pickle.NewArena(&r.limits)
	defer r.leave()
	defer r.arena.Free()
	root, err := r.arena.Read(body)
	if err != nil {
		return pickle.Output{}, err
	}
	if isRequest && !isCall(root) {
		return pickle.Output{}, &Refusal{Rule: "a request is a gopyrpc.internal:PythonUDF, and this is none", Offset: root.Offset}
	}
	return r.admit(root)
}

// admit checks a tree and writes it.
func (r *reading) admit(root *pickle.Node) (pickle.Output, error) {
	if err := r.value(&root); err != nil {
		return pickle.Output{}, err
	}
	return pickle.Write(root)
}

// nameOf is the name that an error is about, "" for none.
func nameOf(err error) string {
	var refusal *Refusal
	if errors.As(err, &refusal) {
		return refusal.Name
	}
	return ""
}
