package main

import "fmt"

// protocolAttacks are attacks written by a real pickler, in each protocol.
func protocolAttacks() (all []attack) {
	for p := range 6 {
		row := func(name, tries, source string, expect outcome, canary string) {
			all = append(all, attack{name: fmt.Sprintf("protocol%d-%s", p, name), tries: fmt.Sprintf("protocol %d: %s", p, tries),
				source: fmt.Sprintf("p = %d\n%s", p, source), expect: expect, canary: canary})
		}
		row("reduce", "an object whose __reduce__ is os.system", "import os\npayload = request(Call(os.system, '"+shell+"'), p)", refused, touched)
		row("function", "os.system as the function", "import os\npayload = pickle.dumps(PythonUDF(os.system, ('"+shell+"',), {}), p)", refused, touched)
		row("eval", "eval in a dict in a list", "payload = request([{'k': Call(eval, \""+statement+"\")}], p)", refused, touched)
		row("state", "an object whose state is a call", "import os\npayload = request(Call(victim.Plain, state={'x': Call(os.system, '"+shell+"')}), p)", refused, touched)
		row("listed", "a listed function that no list entry keeps from being called while the request is read",
			"payload = request(Call(victim.live), p)", harmless, entered)
	}
	return all
}
