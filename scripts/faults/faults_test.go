package main

import (
	"io"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// TestMain makes the test binary a program that suffers faults, as the command is.
func TestMain(m *testing.M) {
	switch name := os.Getenv(faultVariable); name {
	case "":
		os.Exit(m.Run())
	case "test: wrong":
		p := &probe{}
		p.check(false, "not as it must be")
		os.Exit(statusWrong)
	case "test: status":
		os.Exit(3)
	case "test: hangs":
		select {}
	case "test: leaves a process":
		child, err := os.StartProcess("/bin/sleep", []string{"sleep", "1000"}, &os.ProcAttr{})
		if err != nil || child == nil {
			os.Exit(4)
		}
		os.Exit(0)
	default:
		os.Exit(inject(name))
	}
}

// TestTheTableCanFail: a fault whose outcome is not the one that it must have counts as different.
func TestTheTableCanFail(t *testing.T) {
	for _, c := range []struct {
		fault fault
		did   string
	}{
		{fault{name: "test: wrong"}, "not as it must be"},
		{fault{name: "test: status", status: 4}, "ended with status 3, not [4]"},
		{fault{name: "test: status", status: 3, stderr: []string{"SIGSEGV"}}, `nothing on stderr says "SIGSEGV"`},
		{fault{name: "test: hangs", limit: time.Second, among: []int{0, 2, 131, 137}}, "had not ended after 1s"},
		{fault{name: "test: leaves a process"}, "left processes behind: sleep (pid "},
		{fault{name: "test: status", status: 3, ready: func(int) error { return nil }}, "the process never was ready"},
		{fault{name: "nothing of the kind"}, ""},
	} {
		r := c.fault.inject(t.Context())
		assert.Equal(t, differs, r.Verdict, c.fault.name)
		assert.Contains(t, r.Did, c.did)
	}
}

func TestAsItMust(t *testing.T) {
	r := fault{name: "test: status", among: []int{1, 3}}.inject(t.Context())
	assert.Equal(t, held, r.Verdict, r.Did)
}

func TestFaultsAreTold(t *testing.T) {
	names := map[string]bool{}
	for _, f := range allFaults() {
		assert.False(t, names[f.name], "two faults named %s", f.name)
		names[f.name] = true
		assert.NotEmpty(t, f.injected, f.name)
		assert.NotEmpty(t, f.must, f.name)
		assert.NotNil(t, f.do, f.name)
	}
	var out strings.Builder
	assert.Zero(t, run(t.Context(), options{list: true, pattern: regexp.MustCompile("")}, &out))
	assert.Contains(t, out.String(), "must: ")
	assert.Equal(t, 2, run(t.Context(), options{list: true, pattern: regexp.MustCompile("no such fault")}, io.Discard))
}

// TestTheEndTellsWhatFailed: all faults that were different, and no others, come after the counts.
func TestTheEndTellsWhatFailed(t *testing.T) {
	var out strings.Builder
	printTable(&out, []result{
		{Name: "wrong", Verdict: differs, Did: "lost a value"},
		{Name: "right", Verdict: held, Did: "held its value"},
	}, false)
	_, end, found := strings.Cut(out.String(), "faults: 1 as they must, 1 different, 0 skipped\n")
	assert.True(t, found, out.String())
	assert.Contains(t, end, "lost a value")
	assert.NotContains(t, end, "held its value")
}

// TestEndedProcessesAreNotLeft: a process that has ended is not left behind, also where its parent has not waited for it.
func TestEndedProcessesAreNotLeft(t *testing.T) {
	child, err := os.StartProcess("/bin/true", []string{"true"}, &os.ProcAttr{Sys: &syscall.SysProcAttr{Setpgid: true}})
	assert.NoError(t, err)
	assert.Empty(t, endLeft(child.Pid))
	assert.NoError(t, syscall.Kill(-child.Pid, 0), "it is there, as one that has ended")
	_, err = child.Wait()
	assert.NoError(t, err)
}
