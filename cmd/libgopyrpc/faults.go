//go:build faulty

package main

import "github.com/gopyrpc/gopyrpc/agent/pyworker/faulty"

func init() { adjust = faulty.Adjust }
