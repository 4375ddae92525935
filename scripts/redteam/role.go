package main

import (
	"encoding/json"
	"fmt"
	"os"
)

// roleVariable tells a process of this program what it is to be.
const roleVariable = "GOPYRPC_REDTEAM"

// role is what a process is to be. Its working directory is its own.
type role struct {
	Attacks    []string `json:"attacks"`    // that are made on it, in order
	Restricted bool     `json:"restricted"` // with the attack's list
	Modules    string   `json:"modules"`    // where the victim's modules are
	Payloads   string   `json:"payloads"`   // where the payloads are that Python makes
	Make       bool     `json:"make"`       // it makes those
}

// event is what a process says of an attack, a line each on descriptor 3.
type event struct {
	Name  string   `json:"name"`
	Begun bool     `json:"begun,omitempty"`
	Skip  string   `json:"skip,omitempty"`
	Error string   `json:"error,omitempty"` // of the call; "" for an answer
	Said  string   `json:"said,omitempty"`  // what the answer is
	Fired []firing `json:"fired,omitempty"`
}

// firing is a canary that says that an attack has worked.
type firing struct {
	Canary string `json:"canary"`
	What   string `json:"what"`
}

func (f firing) String() string { return f.Canary + ": " + f.What }

// play is the main function of such a process.
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
