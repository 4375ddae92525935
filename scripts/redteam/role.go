package main

import (
	"encoding/json"
	"fmt"
	"os"
)

// roleVariable tells a process of this program its role.
const roleVariable = "GOPYRPC_REDTEAM"

// role is what a process has to be. Each process has a working directory of its own.
type role struct {
	Attacks    []string `json:"attacks"`    // that are made on the process, in order
	Restricted bool     `json:"restricted"` // with the attack's list
	Modules    string   `json:"modules"`    // where the victim's modules are
	Payloads   string   `json:"payloads"`   // where the payloads made by Python are
	Make       bool     `json:"make"`       // the process makes these payloads
}

// event is what a process says about an attack, a line each on descriptor 3.
type event struct {
	Name  string   `json:"name"`
	Begun bool     `json:"begun,omitempty"`
	Skip  string   `json:"skip,omitempty"`
	Error string   `json:"error,omitempty"` // of the call; "" for an answer
	Said  string   `json:"said,omitempty"`  // what the answer is
	Fired []firing `json:"fired,omitempty"`
}

// firing is a canary that has fired: the attack has worked.
type firing struct {
	Canary string `json:"canary"`
	What   string `json:"what"`
}

func (f firing) String() string { return f.Canary + ": " + f.What }

// play is the main function of a process that has a role.
func play(text string) int {
	var r role
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		fmt.Fprintln(os.Stderr, "redteam:", err)
		return 2
	}
	out := json.NewEncoder(os.NewFile(3, "events"))
	var err error
	if r.Make {
		err = makePayloads(r, out)
	} else {
		err = beVictim(r, out)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "redteam: %+v\n", err)
		return 2
	}
	return 0
}
