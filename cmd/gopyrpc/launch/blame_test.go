package launch

import (
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// culprit runs workers, each with its line of the script, and gives who is to blame. A line can report with "says STATUS
// VICTIM", and wait with "gone RANK" for the end of another, and with "told" for a report that was followed by "tell".
func culprit(t *testing.T, script ...string) *Failed {
	t.Helper()
	body := `
dir=$0
says() { echo "$$ $1 $2" >&3; }
tell() { touch $dir/told; }
told() { until [ -e $dir/told ]; do :; done; }
gone() { until [ -e $dir/$1 ]; do :; done; while kill -0 $(cat $dir/$1) 2>/dev/null; do :; done; }
echo $$ > $dir/$RANK.new
mv $dir/$RANK.new $dir/$RANK
case $RANK in
`
	for rank, line := range script {
		body += fmt.Sprintf("%d) %s ;;\n", rank, line)
	}
	g := &Group{
		Workers: len(script), Command: []string{"bash", "-c", body + "esac", t.TempDir()}, Stdout: io.Discard, Stderr: io.Discard, Grace: 10 * time.Second,
	}
	var failed *Failed
	require.ErrorAs(t, g.Run(t.Context()), &failed)
	assert.NotZero(t, failed.PID)
	return failed
}

// TestBlame: the worker that failed first is named, though others have ended before.
func TestBlame(t *testing.T) {
	const waits = "exec sleep 100000"
	for name, c := range map[string]struct {
		script       []string
		rank, status int
	}{
		"alone":                        {[]string{waits, "exit 3"}, 1, 3},
		"it reported, its victim ends": {[]string{"says 7 false; tell; " + waits, "told; says 1 true; exit 1"}, 0, 7},
		"it died, its victim reported": {[]string{"kill -9 $$", "gone 0; says 1 true; exit 1"}, 0, 137},
		"it exits without a report":    {[]string{"exit 5", "gone 0; says 1 true; exit 1"}, 0, 5},
		"only victims":                 {[]string{"says 4 true; tell; " + waits, "told; says 1 true; exit 1"}, 0, 4},
		"nonsense at the descriptor":   {[]string{"echo nonsense >&3; echo 1 2 false >&3; exit 6", waits}, 0, 6},
	} {
		t.Run(name, func(t *testing.T) {
			failed := culprit(t, c.script...)
			assert.Equal(t, c.rank, failed.Rank)
			assert.Equal(t, c.status, failed.Status())
		})
	}
}
