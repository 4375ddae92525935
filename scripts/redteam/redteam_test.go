package main

import (
	"io"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/internal/interpreters"
)

// TestMain makes the test binary a program that can be a victim, as the command is.
func TestMain(m *testing.M) {
	if text := os.Getenv(roleVariable); text != "" {
		os.Exit(play(text))
	}
	os.Exit(m.Run())
}

// TestTheTableCanFail: a canary that fires, an answer where a refusal has to come, and a control that fires nothing are each seen.
func TestTheTableCanFail(t *testing.T) {
	fired := ending{event{Fired: []firing{{touched, "a file was made"}}, Error: "no"}, true}
	refusal, answer := ending{event{Error: "no"}, true}, ending{event{Said: "an answer of 3 bytes"}, true}
	gadget := attack{name: "a", expect: refused, canary: touched}
	accepted := attack{name: "b", expect: refused, canary: entered}
	mild := attack{name: "c", expect: harmless, canary: entered}
	both := attack{name: "d", expect: refused, canary: nowhere}
	numpy := attack{name: "e", expect: refused, canary: nowhere, needs: "numpy"}
	inert := attack{name: "f", expect: refused, inert: "nothing can"}
	skip := ending{event{Skip: "no numpy"}, true}
	for _, c := range []struct {
		attack        attack
		came, control ending
		verdict       string
	}{
		{gadget, refusal, fired, held},
		{gadget, fired, fired, differs},    // the attack works
		{gadget, answer, fired, differs},   // the attack is answered
		{gadget, refusal, answer, differs}, // the attack is broken
		{gadget, refusal, ending{}, differs},
		{gadget, ending{}, fired, differs},
		{gadget, skip, fired, differs},
		{accepted, refusal, answer, held},
		{accepted, answer, answer, differs},
		{accepted, refusal, refusal, differs},
		{mild, answer, answer, held},
		{mild, fired, answer, differs},
		{both, refusal, refusal, held},
		{both, refusal, answer, differs},
		{numpy, skip, skip, skipped},
		{inert, refusal, ending{}, held},
		{inert, answer, ending{}, differs},
	} {
		r := judge(c.attack, &trial{c.came, c.control})
		assert.Equal(t, c.verdict, r.Verdict, "%s: came %+v, control %+v", c.attack.name, c.came, c.control)
	}
}

// An attack that only took long is tried again. A canary of another kind, or an answer where there must be none, is final.
func TestJudge_slow(t *testing.T) {
	late := ending{event{Fired: []firing{{busy, "more than 1.5s of a processor"}}}, true}
	both := ending{event{Fired: []firing{{busy, "more than 1.5s of a processor"}, {touched, "a file was made"}}}, true}
	dead := ending{event{Fired: []firing{{died, "SIGSEGV"}}}, true}
	refusal := ending{event{Error: "no"}, true}
	answer := ending{event{Said: "done"}, true}
	row := attack{name: "a", expect: refused, canary: died}
	for _, c := range []struct {
		came, control ending
		slow          bool
	}{
		{late, dead, true},
		{refusal, late, true},
		{both, dead, false},
		{dead, dead, false},
		{answer, late, false},
		{ending{}, late, false},
		{refusal, both, false},
		{refusal, answer, false},
		{refusal, dead, false},
	} {
		assert.Equal(t, c.slow, judge(row, &trial{c.came, c.control}).slow, "came %+v, control %+v", c.came, c.control)
	}
}

// TestAttacksWork makes attacks that Python cannot refuse by itself, on a victim without a list: each attack fires its canary.
func TestAttacksWork(t *testing.T) {
	t.Setenv("GOPYRPC_PYTHON", interpreters.Find(t).Executable)
	pattern := regexp.MustCompile(`^(gadget-os\.system|gadget-os\._exit|gadget-pdb\.Pdb|live-dict|nest-tuples-hashed|size-bytearray|size-fraction)$`)
	r := &runner{options: options{pattern: pattern, parallel: 2}}
	var chosen []attack
	for _, a := range allAttacks() {
		if pattern.MatchString(a.name) {
			a.expect = refused
			chosen = append(chosen, a)
		}
	}
	results, err := r.all(t.Context(), chosen)
	require.NoError(t, err)
	require.Len(t, results, 7)
	for _, a := range chosen {
		assert.True(t, r.of(a.name).control.has(a.canary), "%s: %+v", a.name, r.of(a.name).control)
		assert.True(t, r.of(a.name).attack.came, a.name)
	}
}

func TestAttacksAreTold(t *testing.T) {
	names := map[string]bool{}
	for _, a := range allAttacks() {
		assert.False(t, names[a.name], "two attacks are called %s", a.name)
		names[a.name] = true
		assert.NotEmpty(t, a.tries, a.name)
		assert.NotEmpty(t, a.expect, a.name)
		assert.NotContains(t, a.name, " ")
	}
	assert.Greater(t, len(names), 300)
	var out strings.Builder
	assert.Zero(t, run(t.Context(), options{list: true, pattern: regexp.MustCompile("^build-")}, &out))
	assert.Contains(t, out.String(), "build-enum")
	assert.Equal(t, 2, run(t.Context(), options{pattern: regexp.MustCompile("no such attack")}, io.Discard))
}

// TestTheEndTellsAll: the rows that differ are printed once more after the counts.
func TestTheEndTellsAll(t *testing.T) {
	var out strings.Builder
	printTable(&out, []result{{Name: "good", Verdict: held}, {Name: "bad", Verdict: differs, Came: "file: a file was made\x1b[2J"}})
	_, end, found := strings.Cut(out.String(), "redteam: 2 attacks: 1 as expected, 1 different, 0 skipped\n")
	assert.True(t, found)
	assert.Contains(t, end, "bad")
	assert.NotContains(t, end, "good")
	assert.NotContains(t, out.String(), "\x1b")
}
