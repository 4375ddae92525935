package agent

import (
	"errors"
	"net"
	"strconv"
	"strings"
	"syscall"
)

// checkAddress says what is wrong with a host:port of the configuration.
func checkAddress(field, address string) error {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		example := "0.0.0.0:29500"
		if strings.Contains(address, "::") {
			example = "[::1]:29500"
		}
		return wrong(field, "%q is not of the form host:port, such as %s", address, example)
	}
	if n, err := strconv.Atoi(port); port != "" && (err != nil || n < 0 || n > 65535) {
		return wrong(field, "%q has the port %q: it must be a number from 0, which stands for any free one, to 65535", address, port)
	}
	return nil
}

// listen opens the listener.
func (c *Config) listen() (net.Listener, error) {
	if err := checkAddress("Listen", c.Listen); err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", c.Listen)
	var unknown *net.DNSError
	switch {
	case err == nil:
		return l, nil
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, wrong("Listen", "something listens on %s already: choose another port, or 0 for any free one (%w)", c.Listen, err)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return nil, wrong("Listen", "%s is no address of this machine: listen on one that it has, or on 0.0.0.0 for all, and have peers told "+
			"another with Advertise (--advertise) where they need it (%w)", c.Listen, err)
	case errors.Is(err, syscall.EACCES):
		return nil, wrong("Listen", "this user may not listen on %s: ports below 1024 are root's on most machines (%w)", c.Listen, err)
	case errors.As(err, &unknown):
		return nil, wrong("Listen", "%s cannot be listened on, as its host is not known: give an address of this machine (%w)", c.Listen, err)
	}
	return nil, wrong("Listen", "%s cannot be listened on: %w", c.Listen, err)
}
