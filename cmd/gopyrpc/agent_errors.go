package main

import (
	"errors"
	"strings"

	"github.com/gopyrpc/gopyrpc/agent"
)

// fieldFlags are the flags that set the fields of an agent's configuration.
var fieldFlags = map[string]string{
	"Name": "--name", "Rank": "--rank", "Peers": "--peer", "Guests": "--guest", "Policy": "--allow", "Listen": "--listen", "Advertise": "--advertise",
	"Rendezvous.WorldSize": "--world-size", "Rendezvous.Address": "--coordinator", "Rendezvous.Name": "--coordinator",
	"TLS.Cert": "--tls-cert", "TLS.CA": "--tls-ca", "RRefLease": "--rref-lease", "Token": "--token-file", "Token.File": "--token-file",
}

// inFlags is an error's text with the command's flags in the place of the agent's fields: the user knows those.
func inFlags(err error) string {
	text := strings.TrimPrefix(err.Error(), "agent: ")
	var wrong *agent.ConfigError
	if errors.As(err, &wrong) && fieldFlags[wrong.Field] != "" {
		return fieldFlags[wrong.Field] + ": " + wrong.Reason()
	}
	var exposed *agent.ExposedError
	if errors.As(err, &exposed) {
		return exposed.Reason() + ": give --tls-ca with --tls-cert and --tls-key, or with --token-file, stay on 127.0.0.1, or say --insecure"
	}
	return text
}
