package settings

import (
	"fmt"
	"strings"
)

// farthest is how many letters a variable may differ in from a setting's, to be taken for one that is misspelt.
const farthest = 2

// Misspelt finds a variable that is nearly a setting's: GOPYRPC_ALOW would have anything allowed, and nobody would notice.
//
// Errors: the variable, and which may have been meant.
func Misspelt(variables []string) error {
	for _, name := range variables {
		rest, ours := strings.CutPrefix(name, variablePrefix)
		if !ours {
			continue
		}
		best, nearest := farthest+1, ""
		for _, s := range All() {
			if d := distance(rest, strings.TrimPrefix(s.Variable(), variablePrefix)); d < best {
				best, nearest = d, s.Variable()
			}
		}
		if best > 0 && nearest != "" {
			return fmt.Errorf("%s is no setting; was %s meant? Unset it, or give it another name, where not", name, nearest)
		}
	}
	return nil
}

// distance is how many letters have to be put in, left out or exchanged to make b of a.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			exchanged := diagonal
			if a[i] != b[j] {
				exchanged++
			}
			diagonal = row[j+1]
			row[j+1] = min(row[j]+1, row[j+1]+1, exchanged)
		}
	}
	return row[len(b)]
}
