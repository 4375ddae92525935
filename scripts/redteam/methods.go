package main

// evil has the attacker's worker make the attack of a function of evil.py.
func evil(function string) func(*site) (string, error) {
	return func(s *site) (string, error) {
		p, err := s.attackersWorker()
		if err != nil {
			return "", err
		}
		defer p.close()
		reply, err := p.call(udf(global("evil", "run"), text(function)))
		return said(reply), err
	}
}

// methodAttacks are made by a second worker, with the pickler and the RRefs that every worker has.
func methodAttacks() (all []attack) {
	for _, r := range []struct {
		name, tries, function, canary string
		expect                        outcome
	}{
		{"method-honest", "a method that the listed class defines", "spend", entered, harmless},
		{"method-alias", "a class attribute that is pickle.loads", "alias", touched, refused},
		{"method-alias-run", "a class attribute that is subprocess.run", "alias_run", touched, refused},
		{"method-init", "__init__ of a value that lives", "init", entered, refused},
		{"method-getattribute", "__getattribute__", "getattribute", entered, refused},
		{"method-getattr", "__getattr__, which hands out what os has", "getattr_hook", entered, refused},
		{"method-delegated", "a method that only __getattr__ has: os.system", "delegated", touched, refused},
		{"method-setattr", "__setattr__", "setattribute", entered, refused},
		{"method-reduce", "__reduce_ex__", "reduce_ex", entered, refused},
		{"method-class", "__class__, called", "class_of", entered, refused},
		{"method-subclass", "__init_subclass__", "subclasses", entered, refused},
		{"method-property", "a property", "secret", nowhere, refused},
		{"method-dotted", "a dotted name", "dotted", nowhere, refused},
		{"method-bytes", "a name that is bytes", "not_text", nowhere, refused},
		{"method-text-subclass", "a name that is a subclass of str", "text_subclass", nowhere, refused},
		{"method-of-kept", "a method of a list's subclass that is not its own: append", "of_kept", changed, refused},
		{"method-of-settings", "a method of a dict that a listed function returns", "of_settings", changed, refused},
		{"method-of-function", "a method of a function", "of_function", nowhere, refused},
		{"method-type", "the type of a value whose class is not listed", "type_of", entered, harmless},
		{"method-of-no-rref", "_call_method of a listed object that looks like an RRef to os", "of_no_rref", nowhere, refused},
		{"method-looked-for", "whether a value has a method that no entry lists", "looked_for", entered, refused},
		{"method-looked-for-hook", "whether a value has what only its __getattr__ makes", "looked_for_hook", entered, refused},
		{"method-looked-for-of-no-rref", "_check_value of a listed object that looks like an RRef", "looked_for_of_no_rref", nowhere, refused},
		{"rref-build-handle", "another handle, set by BUILD in an RRef that was given", "forged_handle", nowhere, refused},
		{"rref-build-owner", "another owner", "forged_owner", nowhere, refused},
		{"rref-build-host", "another host", "forged_host", nowhere, refused},
		{"rref-build-type", "another type", "forged_type", nowhere, refused},
		{"worker-honest", "an RRef, passed back to its owner", "honest_rref", entered, harmless},
		{"worker-direct", "rpc_sync of os.system", "direct", touched, refused},
		{"worker-argument", "an argument that pickles as os.system", "argument", touched, refused},
		{"worker-keyword", "a keyword argument that pickles as eval", "keyword", touched, refused},
		{"worker-remote", "remote of os.system", "remote", touched, refused},
		{"worker-async", "rpc_async of os.system", "asynchronous", touched, refused},
		{"worker-state", "an instance with a __reduce_ex__ and a __module__", "state", touched, refused},
		{"worker-live", "APPENDS of a list that a listed function returns", "live", changed, refused},
		{"worker-large", "os.system behind a megabyte, by way of shared memory", "large", touched, refused},
		{"worker-exception", "an exception whose arguments pickle as os.system", "exception", touched, refused},
	} {
		all = append(all, attack{name: r.name, tries: "a worker: " + r.tries, expect: r.expect, canary: r.canary, host: &host{attack: evil(r.function)}})
	}
	return all
}

// agentReplyAttacks are replies to calls that the restricted agent makes of the attacker's worker.
func agentReplyAttacks() (all []attack) {
	for _, r := range []struct {
		name, tries, canary string
		expect              outcome
	}{
		{"honest", "a text", entered, harmless},
		{"system", "a reply that pickles as os.system", touched, refused},
		{"eval", "one that pickles as eval", touched, refused},
		{"import", "one that pickles as codecs.lookup, which imports", "", refused},
		{"defaults", "one that sets a listed function's __defaults__", changed, refused},
		{"live", "one that goes on with a list that a listed function returns", changed, refused},
		{"state", "one with a __class__ among its attributes", entered, refused},
		{"alias", "one that names what a listed module imports", touched, refused},
		{"exception", "an exception whose arguments pickle as os.system", touched, harmless},
		{"exception_state", "an exception with an attribute that pickles as os.system", touched, harmless},
		{"large", "os.system behind a megabyte", touched, refused},
		{"deep", "os.system as a key beside a deep one", touched, refused},
		{"udf", "a PythonUDF, which nobody runs", entered, refused},
	} {
		row := func(prefix, how, asks string) {
			a := attack{name: prefix + r.name, tries: "a reply" + how + ": " + r.tries, expect: r.expect, canary: r.canary}
			if r.canary == "" {
				a.canary, a.imports = imported, []string{"encodings.idna"}
			}
			a.host = &host{attack: func(s *site) (string, error) {
				reply, err := s.judge.call(udf(global("victim", asks), text("w1"), text("reply_"+r.name)))
				return said(reply), err
			}}
			all = append(all, a)
		}
		row("agent-reply-", "", "ask")
		row("agent-value-", " by an RRef", "ask_kept")
	}
	return all
}
