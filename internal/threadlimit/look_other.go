//go:build !linux

package threadlimit

import "math"

// Look knows of no limits here.
func Look() Bound { return Bound{Room: math.MaxInt32} }

// UserThreads is not known here.
func UserThreads() int { return 0 }
