package main

import (
	"regexp"
	"strings"
)

// The kinds of tests. What gopyrpc promises are the core and, where programs use them, torch's private names.
const (
	core        = "core"
	private     = "private"
	torchscript = "torchscript"
	autograd    = "autograd"
	profiler    = "profiler"
	cuda        = "cuda"
	faulty      = "faulty" // of an agent whose sending fails and takes long
)

// faultyClass has torch's tests of that.
const faultyClass = "FaultyAgentRpcTest."

var kinds = []string{core, private, torchscript, autograd, profiler, cuda, faulty}

// byName says of which kind a test is, by its name. The first that matches counts; what no row matches is core.
var byName = []struct {
	kind  string
	names *regexp.Regexp
}{
	{cuda, regexp.MustCompile(`cuda`)},
	{autograd, regexp.MustCompile(`backward`)},
	{profiler, regexp.MustCompile(`profil|record_function|^test_rref_type_(non_)?blocking$`)},
	{torchscript, regexp.MustCompile(`torchscript|script_function`)},
	{private, regexp.MustCompile(`all_gather|rpc_barrier|debug_info|rref_leak|wait_all_workers|rref_get_future|rref_timeout|shutdown_errors` +
		`|use_rpc_pickler|get_worker_infos|infer_backend_from_options$|register_rpc_backend|num_worker_threads|^test_duplicate_name$` +
		`|^test_wait_all(_multiple_call|_raise_in_\w+|_timeout)?$`)},
}

// kindOf returns the kind of a test that is named Class.test_name.
func kindOf(name string) string {
	if strings.HasPrefix(name, faultyClass) {
		return faulty
	}
	_, method, _ := strings.Cut(name, ".")
	for _, row := range byName {
		if row.names.MatchString(method) && method != "test_cannot_infer_backend_from_options" {
			return row.kind
		}
	}
	return core
}
