package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSelect(t *testing.T) {
	all, err := Select(nil)
	require.NoError(t, err)
	assert.Len(t, all, len(All()))
	two, err := Select([]string{"attach_ns", "udf_vs_c_floor"})
	require.NoError(t, err)
	require.Len(t, two, 2)
	assert.Equal(t, "attach_ns", two[0].Key)
	_, err = Select([]string{"attach_ns", "nope"})
	assert.ErrorContains(t, err, `no figure "nope"; there are udf_vs_c_floor`)
}

func TestKeysAreUnique(t *testing.T) {
	seen := map[string]bool{}
	for _, key := range Keys() {
		assert.False(t, seen[key], key)
		seen[key] = true
	}
}

func TestHolds(t *testing.T) {
	assert.True(t, Measurement{Bound: 1.1, AtMost: true}.Holds(Figure{Median: 1.1}))
	assert.False(t, Measurement{Bound: 1.1, AtMost: true}.Holds(Figure{Median: 1.2}))
	assert.True(t, Measurement{Bound: 2}.Holds(Figure{Median: 2}))
	assert.False(t, Measurement{Bound: 2}.Holds(Figure{Median: 1.9}))
	assert.True(t, Measurement{}.Holds(Figure{Median: 5}))
}

func TestTable(t *testing.T) {
	list := []Measurement{{Key: "fast", Unit: "ratio", What: "a over b", Bound: 1.1, AtMost: true}, {Key: "gone", Unit: "ns"}}
	text := Result{
		Figures: map[string]Figure{"fast": {1.25, 1, 2, "ratio"}},
		Skipped: map[string]string{"gone": "no PyTorch"},
	}.Table(list)
	assert.Regexp(t, `fast +1\.25 +1 +2 +ratio +≤ 1\.1 +MISSED +a over b\n`, text)
	assert.Regexp(t, `gone +- +- +- +skipped: no PyTorch\n`, text)
}
