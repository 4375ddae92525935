//go:build !linux

package main

import "errors"

// fixLimits is for Linux alone.
func fixLimits() error { return errors.ErrUnsupported }
