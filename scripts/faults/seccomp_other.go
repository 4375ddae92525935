//go:build !linux

package main

import "errors"

// fixLimits cannot be done here.
func fixLimits() error { return errors.ErrUnsupported }
