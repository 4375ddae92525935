//go:build faulty

// Package faulty has the sending of agents that Python starts fail and take long, as a description says that is written for
// torch's faulty agent. It is in no build but one with the tag faulty, for torch's own tests (scripts/conformance).
//
// Torch: FaultyTensorPipeAgent.
package faulty

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"time"

	"github.com/gopyrpc/gopyrpc/agent"
	"github.com/gopyrpc/gopyrpc/agent/internal/transport"
	"github.com/gopyrpc/gopyrpc/agent/internal/transport/faulty"
	agentpb "github.com/gopyrpc/gopyrpc/agent/proto"
)

// Variable of the environment names the file with the description for the agents of a process. It is read when an agent
// starts; without the file the agent has no faults.
const Variable = "FAULTY_AGENT"

// Description says what is to fail, and to take long, in the words of torch's FaultyTensorPipeRpcBackendOptions.
type Description struct {
	Fail  []string           `json:"messages_to_fail"`
	Sends int                `json:"num_fail_sends"` // how often the sending of one message fails
	Delay map[string]float64 `json:"messages_to_delay"`
}

// methods are torch's types of messages, by the methods that are their counterpart here. METHOD_UNSPECIFIED is no message's.
var methods = map[string]agentpb.Method{
	"PYTHON_CALL":            agentpb.Method_METHOD_CALL,
	"SCRIPT_CALL":            agentpb.Method_METHOD_CALL,
	"PYTHON_REMOTE_CALL":     agentpb.Method_METHOD_REMOTE,
	"SCRIPT_REMOTE_CALL":     agentpb.Method_METHOD_REMOTE,
	"PYTHON_RREF_FETCH_CALL": agentpb.Method_METHOD_FETCH,
	"SCRIPT_RREF_FETCH_CALL": agentpb.Method_METHOD_FETCH,
	"RREF_FORK_REQUEST":      agentpb.Method_METHOD_RREF_FORK,
	"RREF_CHILD_ACCEPT":      agentpb.Method_METHOD_RREF_ACCEPT,
	"RREF_USER_DELETE":       agentpb.Method_METHOD_RREF_DELETE,

	"CLEANUP_AUTOGRAD_CONTEXT_REQ": agentpb.Method_METHOD_UNSPECIFIED, // of distributed autograd, which there is none of
}

// Adjust gives an agent the faults that the file says.
func Adjust(c *agent.Config) error {
	text, err := os.ReadFile(os.Getenv(Variable))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var d Description
	if err == nil {
		err = json.Unmarshal(text, &d)
	}
	var faults faulty.Faults
	if err == nil {
		faults, err = d.faults()
	}
	if err != nil {
		return fmt.Errorf("faulty: what is to fail is not known: %w", err)
	}
	c.WrapWriter = faulty.SlowWriter(faults)
	return nil
}

// message is one message that may be sent again: torch's goes by the content.
type message struct {
	method agentpb.Method
	rank   int32
	local  uint64
}

func (d *Description) faults() (faulty.Faults, error) {
	fail, late := map[agentpb.Method]bool{}, map[agentpb.Method]time.Duration{}
	for _, name := range d.Fail {
		m, err := methodOf(name)
		if err != nil {
			return nil, err
		}
		fail[m] = true
	}
	for name, seconds := range d.Delay {
		m, err := methodOf(name)
		if err != nil {
			return nil, err
		}
		late[m] = time.Duration(seconds * float64(time.Second))
	}
	var mu sync.Mutex
	failures := map[message]int{}
	return func(f *transport.OutFrame) faulty.Fate {
		if f.Kind != agentpb.Kind_KIND_REQUEST {
			return faulty.Fate{Times: 1}
		}
		m := message{method: f.Method}
		if ref, ok := f.Detail.(*agentpb.Reference); ok {
			m.rank, m.local = ref.GetFork().GetRank(), ref.GetFork().GetLocal()
		}
		mu.Lock()
		defer mu.Unlock()
		if fail[f.Method] && failures[m] < d.Sends {
			failures[m]++
			return faulty.Fate{Err: fmt.Errorf("sending %v fails for the %d. time, as it was told to", f.Method, failures[m])}
		}
		return faulty.Fate{Times: 1, Late: late[f.Method]}
	}, nil
}

func methodOf(name string) (agentpb.Method, error) {
	m, known := methods[name]
	if !known {
		return m, fmt.Errorf("torch has no type of messages %q", name)
	}
	return m, nil
}
