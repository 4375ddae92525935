package main

// budgetAttacks try to take more from a worker than the attacker's budget allows.
func budgetAttacks() []attack {
	row := func(name, tries, canary string, flags []string, do func(*site) (string, error)) attack {
		return attack{name: "budget-" + name, tries: tries, expect: refused, canary: canary,
			host: &host{flags: append(append([]string{}, restrictedFlags...), flags...), open: restrictedFlags, attack: do}}
	}
	once := func(value string) func(*site) (string, error) {
		return func(s *site) (string, error) {
			p, err := s.raw("w2")
			if err != nil {
				return "", err
			}
			defer p.close()
			reply, err := p.call(value)
			return said(reply), err
		}
	}
	return []attack{
		row("call-time", "a listed function that computes for 4 seconds, under --max-call-time w2=200ms", busy, []string{"--max-call-time", "w2=200ms"},
			once(udf(global("victim", "spin"), number(4)))),
		row("minute-time", "one that computes for 0.4 seconds, ten times, under --max-minute-time w2=500ms", busy, []string{"--max-minute-time", "w2=500ms"},
			func(s *site) (string, error) {
				p, err := s.raw("w2")
				if err != nil {
					return "", err
				}
				defer p.close()
				var reply string
				for range 10 {
					if reply, err = p.call(udf(global("victim", "spin"), float(0.4))); err != nil {
						return "", err
					}
				}
				return said(reply), nil
			}),
		row("result", "a result of 4 MiB, under --max-result w2=1MiB", entered, []string{"--max-result", "w2=1MiB"},
			once(udf(global("victim", "text_of"), text(string(make([]byte, 4<<20)))))),
	}
}
