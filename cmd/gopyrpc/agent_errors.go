package main

import (
	"errors"
	"strings"

	"github.com/gopyrpc/gopyrpc/agent"
	"github.com/gopyrpc/gopyrpc/agent/pyworker/settings"
)

// fieldFlags are the flags that set those fields of an agent's configuration that are no settings.
var fieldFlags = map[string]string{
	"Name": "--name", "Rank": "--rank", "Peers": "--peer",
	"Rendezvous.WorldSize": "--world-size", "Rendezvous.Address": "--coordinator", "Rendezvous.Name": "--coordinator",
}

// inFlags is an error's text with the command's flags in the place of the agent's fields: the user knows those.
func inFlags(err error) string {
	text := strings.TrimPrefix(err.Error(), "agent: ")
	var wrong *agent.ConfigError
	if errors.As(err, &wrong) {
		flag := fieldFlags[wrong.Field]
		if s := settings.Field(wrong.Field); s != nil {
			flag = s.Flag()
		}
		if flag != "" {
			return flag + ": " + wrong.Reason()
		}
	}
	var exposed *agent.ExposedError
	if errors.As(err, &exposed) {
		return exposed.Reason() + ": give --tls-ca with --tls-cert and --tls-key, or with --token-file, stay on 127.0.0.1, or say --insecure"
	}
	return text
}
