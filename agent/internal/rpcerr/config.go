package rpcerr

import "fmt"

// ConfigError says what is wrong with an agent's Config, and where.
type ConfigError struct {
	Field string // of Config, such as "Name" or "TLS.Cert"
	Err   error
}

func (e *ConfigError) Error() string { return "agent: Config." + e.Field + ": " + e.Reason() }

// Reason is what is wrong, for programs that give the field another name.
func (e *ConfigError) Reason() string { return Within(e.Err).Error() }

// Unwrap returns what is wrong as an error.
func (e *ConfigError) Unwrap() error { return e.Err }

// Configf makes a ConfigError.
func Configf(field, format string, args ...any) error {
	return &ConfigError{Field: field, Err: fmt.Errorf(format, args...)}
}
