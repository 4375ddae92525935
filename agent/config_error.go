package agent

import (
	"errors"
	"fmt"
)

// ConfigError says what is wrong with a [Config], and where.
type ConfigError struct {
	Field string // of Config, such as "Name" or "TLS.Cert"
	Err   error
}

func (e *ConfigError) Error() string { return "agent: Config." + e.Field + ": " + e.Reason() }

// Reason is what is wrong, for who gives the field another name.
func (e *ConfigError) Reason() string { return inner{e.Err}.Error() }

// Unwrap returns what is wrong as an error.
func (e *ConfigError) Unwrap() error { return e.Err }

// wrong is what New says of a field.
func wrong(field, format string, args ...any) error {
	return &ConfigError{Field: field, Err: fmt.Errorf(format, args...)}
}

// ExposedError is an ErrInsecure: the agent would be reached, or would call, beyond this machine without proof of who calls.
type ExposedError struct {
	Where string // what of it is beyond this machine
}

func (e *ExposedError) Error() string {
	return "agent: " + e.Reason() + ": give Config.TLS with Cert, Key and CA, or Config.TLS and Config.Token, or stay on 127.0.0.1"
}

// Reason is what is wrong, without what to do about it.
func (e *ExposedError) Reason() string {
	return fmt.Sprintf("%s: the agent %s, beyond this machine, without TLS and proof of who calls", inner{ErrInsecure}, e.Where)
}

// Is makes it an ErrInsecure.
func (e *ExposedError) Is(target error) bool { return errors.Is(ErrInsecure, target) }
