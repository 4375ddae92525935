package main

import (
	"bufio"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func sortedLines(text string) []string {
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	slices.Sort(lines)
	return lines
}

func TestRunWorkers(t *testing.T) {
	got := gopyrpc(t, "", "run", "-n", "2", filepath.Join(testdata(t), "cmd_group.py"))
	assert.Equal(t, []string{"[0] worker0 asked worker1: worker1", "[1] worker1 asked worker0: worker0"}, sortedLines(got.ok(t)))
}

// TestRunWorkersEnvironment: what torchrun gives, arguments as they are, and input for the first.
func TestRunWorkersEnvironment(t *testing.T) {
	file := write(t, "program.py", `
import os, sys
print(*(os.environ[n] for n in ("RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "MASTER_ADDR")),
      os.environ["MASTER_PORT"].isdigit(), sys.argv[1:], repr(sys.stdin.read()), end="")
`)
	out := gopyrpc(t, "in", "run", "-n", "2", file, "-n", "--", "x y").ok(t)
	assert.Equal(t, []string{
		"[0] 0 0 2 2 127.0.0.1 True ['-n', '--', 'x y'] 'in'",
		"[1] 1 1 2 2 127.0.0.1 True ['-n', '--', 'x y'] ''",
	}, sortedLines(out))

	cmd := command(t, "run", "-n", "1", write(t, "where.py", "import os\nprint(os.environ['MASTER_ADDR'], os.environ['MASTER_PORT'])"))
	cmd.Env = append(cmd.Environ(), "MASTER_ADDR=there", "MASTER_PORT=7")
	assert.Equal(t, "[0] there 7\n", finish(t, cmd).ok(t))
}

// wait is a program whose workers say that they are in, and then wait for a signal.
const wait = "import os, signal, sys\nrank = int(os.environ['RANK'])\n"

// TestRunWorkersOneFails: the others wait for what does not come, and are ended.
func TestRunWorkersOneFails(t *testing.T) {
	for end, want := range map[string]struct {
		status int
		says   string
	}{
		"sys.exit(3)":                          {3, "failed with status 3\n"},
		"os.kill(os.getpid(), signal.SIGKILL)": {137, "was ended by signal 9 (killed)\n"},
	} {
		got := gopyrpc(t, "", "run", "-n", "3", write(t, "program.py", wait+"if rank == 1: "+end+"\nwhile True: pass\n"))
		assert.Equal(t, want.status, got.status, got.stderr)
		assert.Regexp(t, `(?m)^gopyrpc: worker 1 \(process \d+\) `, got.stderr)
		assert.Contains(t, got.stderr, want.says)
	}
}

// TestRunWorkersNamesTheCulprit: workers that lost the one that failed fail too, and may have ended before it.
func TestRunWorkersNamesTheCulprit(t *testing.T) {
	got := gopyrpc(t, "", "run", "-n", "3", write(t, "program.py", `
import os, gopyrpc as rpc
rank = int(os.environ["RANK"])
rpc.init_rpc(f"w{rank}")
if rank == 1:
    raise ValueError("mine")
rpc.shutdown()
`))
	assert.Equal(t, 1, got.status, got.stderr)
	assert.Regexp(t, `(?m)^gopyrpc: worker 1 \(process \d+\) failed with status 1$`, got.stderr)
	assert.Contains(t, got.stderr, "[1] ValueError: mine\n")
}

// TestRunWorkersPrompt: a question without an end of line is shown before it is answered.
func TestRunWorkersPrompt(t *testing.T) {
	python(t)
	cmd := command(t, "run", "-n", "1", write(t, "program.py", `print("hello", input("name? "))`))
	stdin, err := cmd.StdinPipe()
	require.NoError(t, err)
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	asked := make([]byte, len("[0] name? "))
	_, err = io.ReadFull(stdout, asked)
	require.NoError(t, err)
	assert.Equal(t, "[0] name? ", string(asked))
	_, err = io.WriteString(stdin, "you\n")
	require.NoError(t, err)
	rest, err := io.ReadAll(stdout)
	require.NoError(t, err)
	assert.Equal(t, "hello you\n", string(rest))
	assert.NoError(t, cmd.Wait())
}

// TestRunWorkersWithinAGroup: a group of its own in each worker of another is not what anybody wants.
func TestRunWorkersWithinAGroup(t *testing.T) {
	cmd := command(t, "run", "-n", "2", write(t, "program.py", ""))
	cmd.Env = append(cmd.Environ(), "RANK=2", "WORLD_SIZE=4")
	finish(t, cmd).failed(t, 2, "this is one of a group already (RANK=2 WORLD_SIZE=4): leave -n out")
}

func TestRunWorkersSignals(t *testing.T) {
	python(t)
	file := write(t, "program.py", wait+"print('in', flush=True)\nwhile True: pass\n")
	statuses := map[syscall.Signal]int{syscall.SIGINT: 130, syscall.SIGTERM: 143, syscall.SIGHUP: 129}
	if signal.Ignored(syscall.SIGHUP) { // as under nohup, which the command heeds
		delete(statuses, syscall.SIGHUP)
	}
	for sig, status := range statuses {
		got := interruptedWhen(t, command(t, "run", "-n", "2", file), func(stdout *bufio.Reader) {
			for range 2 {
				line, err := stdout.ReadString('\n')
				require.NoError(t, err)
				require.Contains(t, line, "] in\n")
			}
		}, sig)
		assert.Equal(t, status, got.status, got.stderr)
	}
}

// TestRunWorkersDieWithTheirLauncher: the pipe that all workers hold ends when the last of them has.
func TestRunWorkersDieWithTheirLauncher(t *testing.T) {
	python(t)
	file := write(t, "program.py", wait+`
pipe = os.open(sys.argv[1], os.O_WRONLY)
os.write(pipe, b"in\n")
while True: pass
`)
	fifo := filepath.Join(t.TempDir(), "fifo")
	require.NoError(t, syscall.Mkfifo(fifo, 0o600))
	cmd := command(t, "run", "-n", "2", file, fifo)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	pipe, err := os.Open(fifo)
	require.NoError(t, err)
	defer func() { _ = pipe.Close() }()
	lines := bufio.NewReader(pipe)
	for range 2 {
		line, err := lines.ReadString('\n')
		require.NoError(t, err)
		require.Equal(t, "in\n", line)
	}
	require.NoError(t, cmd.Process.Kill())
	_ = cmd.Wait()
	_, err = lines.ReadByte() // stays until the test's deadline if a worker does
	assert.ErrorIs(t, err, io.EOF)
}

// TestRunWorkersSecondSignal: it is not the workers that are waited for then, nor what they have started; all of them
// hold a pipe, which ends with the last.
func TestRunWorkersSecondSignal(t *testing.T) {
	python(t)
	file := write(t, "program.py", wait+`
import subprocess, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
pipe = os.open(sys.argv[1], os.O_WRONLY)
subprocess.Popen(["sleep", "100000"], pass_fds=[pipe])  # ignores SIGTERM, too
os.write(pipe, b"in\n")
while True:
    try:
        time.sleep(100000)
    except BaseException:
        pass
`)
	fifo := filepath.Join(t.TempDir(), "fifo")
	require.NoError(t, syscall.Mkfifo(fifo, 0o600))
	var lines *bufio.Reader
	got := interruptedWhen(t, command(t, "run", "-n", "2", file, fifo), func(*bufio.Reader) {
		pipe, err := os.Open(fifo)
		require.NoError(t, err)
		t.Cleanup(func() { _ = pipe.Close() })
		lines = bufio.NewReader(pipe)
		for range 2 {
			line, err := lines.ReadString('\n')
			require.NoError(t, err)
			require.Equal(t, "in\n", line)
		}
	}, syscall.SIGINT, syscall.SIGINT)
	assert.Equal(t, 130, got.status, got.stderr)
	assert.NotContains(t, got.stderr, "still running", "no worker was given time")
	_, err := lines.ReadByte()
	assert.ErrorIs(t, err, io.EOF)
}

// TestRunWorkersMeetAgain: the port is theirs for as long as the command runs.
func TestRunWorkersMeetAgain(t *testing.T) {
	out := gopyrpc(t, "", "run", "-n", "2", write(t, "program.py", `
import os, gopyrpc as rpc
for life in range(3):
    rpc.init_rpc(f"w{os.environ['RANK']}")
    rpc.shutdown()
print("met")
`)).ok(t)
	assert.Equal(t, []string{"[0] met", "[1] met"}, sortedLines(out))
}

func TestRunWorkersUsage(t *testing.T) {
	for _, n := range []string{"0", "-1", "1000000000"} {
		here(t, "run", "-n", n, "x.py").failed(t, 2, "-n "+n+": from 1 to 1024 workers")
	}
	here(t, "run", "-n", "two", "x.py").failed(t, 2, `invalid argument "two"`)
	here(t, "run", "-n", strconv.Itoa(2), "not_there.py").failed(t, 1, "the script cannot be read: stat not_there.py")
}
