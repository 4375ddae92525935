package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
)

// served is a gopyrpc agent that runs in another process.
type served struct {
	cmd    *exec.Cmd
	peer   string // for --peer
	stderr *bytes.Buffer
	said   sync.WaitGroup // done when stderr is complete
}

var listens = regexp.MustCompile(`worker (\S+) listens on (\S+)`)

// serveAgent starts one, and waits until it listens.
func serveAgent(t *testing.T, args ...string) *served {
	t.Helper()
	return serveAgentTo(t, nil, args...)
}

// serveAgentTo is serveAgent with a standard output.
func serveAgentTo(t *testing.T, stdout *os.File, args ...string) *served {
	t.Helper()
	python(t)
	s := &served{cmd: command(t, append([]string{"agent"}, args...)...), stderr: &bytes.Buffer{}}
	if stdout != nil {
		s.cmd.Stdout = stdout
	}
	stderr, err := s.cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, s.cmd.Start())
	lines := bufio.NewReader(io.TeeReader(stderr, s.stderr))
	for s.peer == "" {
		line, err := lines.ReadString('\n')
		require.NoError(t, err, "%s", s.stderr)
		if m := listens.FindStringSubmatch(line); m != nil {
			s.peer = m[1] + "=" + m[2]
		}
	}
	s.said.Go(func() { _, _ = io.Copy(io.Discard, lines) })
	t.Cleanup(func() {
		_ = s.cmd.Process.Kill()
		s.said.Wait()
		_ = s.cmd.Wait()
	})
	return s
}

// stop sends SIGTERM and gives what there was to say, and the status.
func (s *served) stop(t *testing.T) ended {
	t.Helper()
	require.NoError(t, s.cmd.Process.Signal(syscall.SIGTERM))
	s.said.Wait()
	_ = s.cmd.Wait()
	return ended{stderr: s.stderr.String(), status: s.cmd.ProcessState.ExitCode()}
}

func TestAgent(t *testing.T) {
	s := serveAgent(t, "--name", "w0")
	assert.Equal(t, "5.0\n", gopyrpc(t, "", "call", "--peer", s.peer, "w0", "math:hypot", "3", "4").ok(t))
	assert.Equal(t, "[3, 2, 1]\n", gopyrpc(t, "", "call", "--peer", s.peer, "w0", "builtins:sorted", "[3, 1, 2]", "--kw", "reverse=True").ok(t))
	gopyrpc(t, "", "call", "--peer", s.peer, "w0", "math:sqrt", "--", "-1").failed(t, 1, "math:sqrt at w0 raised ValueError: ")

	cmd := exec.CommandContext(t.Context(), binary, "call", "w0", "math:sqrt", "4")
	cmd.Env = append(cmd.Environ(), peersVariable+"=w9=localhost:1,"+s.peer)
	assert.Equal(t, "2.0\n", finish(t, cmd).ok(t))

	end := s.stop(t)
	assert.Equal(t, 143, end.status)
	assert.Contains(t, end.stderr, "gopyrpc: SIGTERM: stopping")
	assert.NotContains(t, end.stderr, "error")
}

// TestAgentFunctionThatOnlyItHas: the caller need not be able to import what it calls.
func TestAgentFunctionThatOnlyItHas(t *testing.T) {
	s := serveAgent(t, "--name", "w0") // with the test's modules on its path
	away := func(args ...string) ended {
		return finish(t, exec.CommandContext(t.Context(), binary, append([]string{"call", "--peer", s.peer, "w0"}, args...)...))
	}
	assert.Equal(t, "('arg', 1)\n", away("package.below:pair", "'arg'", "1").ok(t))
	assert.Equal(t, "'static'\n", away("package.below:Class.static").ok(t))
	away("package.beside:f").failed(t, 1, "No module named 'package.beside'")
	away("package.below:nothing").failed(t, 1, "Can't get attribute 'nothing'")
}

func TestAgentPolicy(t *testing.T) {
	s := serveAgent(t, "--name", "w0", "--allow", "math", "--guest", "cli", "--guest", "bob", "--allow", "bob=posixpath:join")
	call := func(args ...string) ended {
		return gopyrpc(t, "", append([]string{"call", "--peer", s.peer}, args...)...)
	}
	assert.Equal(t, "2.0\n", call("w0", "math:sqrt", "4").ok(t))
	call("w0", "posix:getpid").failed(t, 1, "posix:getpid is not on the allow-list")
	call("w0", "posixpath:join", "'a'", "'b'").failed(t, 1, "posixpath:join is not on the allow-list")
	assert.Equal(t, "'a/b'\n", call("--as", "bob", "w0", "posixpath:join", "'a'", "'b'").ok(t))
	assert.Equal(t, "2.0\n", call("--as", "bob", "w0", "math:sqrt", "4").ok(t))
	call("--as", "eve", "w0", "math:sqrt", "4").failed(t, 1,
		`gopyrpc: PermissionDenied: worker w0: unknown worker "eve"; there are w0, and this worker has the guests cli, bob`)
}

func TestAgentBudgets(t *testing.T) {
	s := serveAgent(t, "--name", "w0", "--guest", "cli", "--guest", "bob", "--max-result", "1KB", "--max-result", "bob=1MiB",
		"--max-call-time", "cli=2s", "--max-minute-time", "1h", "--max-calls", "bob=10")
	call := func(args ...string) ended {
		return gopyrpc(t, "", append([]string{"call", "--peer", s.peer}, args...)...)
	}
	call("w0", "builtins:bytes", "2000").failed(t, 1, "ResourceExhausted: worker w0: the result has ", "allowed for worker cli are 1000 (Config.Budget.Result, --max-result)")
	call("--as", "bob", "w0", "builtins:bytes", "2000").ok(t)
	call("w0", "cmd_udfs:spin").failed(t, 1, "ResourceExhausted: worker w0: Python has run for this call of worker cli for 2s")
}

func TestAgentUsage(t *testing.T) {
	for flag, values := range map[string][]string{
		"--max-call-time": {"5", "w1=", "=5s", "-1s", "0s"}, "--max-minute-time": {"w1=x"}, "--max-result": {"x", "w1=-5"}, "--max-calls": {"many", "0"},
	} {
		for _, value := range values {
			here(t, "agent", "--name", "w0", flag, value).failed(t, 2, flag+` "`+value+`": `)
		}
	}
	here(t, "agent").failed(t, 2, "--name is missing")
	here(t, "agent", "x").failed(t, 2, "unknown command", "gopyrpc agent")
	here(t, "agent", "--name", "w0", "--peer", "w1").failed(t, 2, `peer "w1" is not of the form name=host:port`)
	here(t, "agent", "--name", "w0", "--rank", "1").failed(t, 2, "--rank and --world-size go with --coordinator")
	here(t, "agent", "--name", "w0", "--coordinator", "h:1").failed(t, 2, "--world-size is missing")
	here(t, "agent", "--name", "w0", "--coordinator", "w1=h:1", "--world-size", "2", "--rank", "0").failed(t, 2,
		"--coordinator names worker w1, and this one is it by its --rank 0, and is named w0")
	here(t, "agent", "--name", "w0", "--coordinator", "=h:1", "--world-size", "2", "--rank", "1").failed(t, 2,
		`--coordinator "=h:1" has no name before the equals sign: give the coordinator's, or host:port alone`)
	gopyrpc(t, "", "agent", "--name", "w0", "--coordinator", "w9=nonsense", "--world-size", "1", "--rank", "-1").failed(t, 1, "nonsense")
	here(t, "agent", "--name", "w0", "--coordinator", "h:1", "--peer", "w1=h:1").failed(t, 2, "exclude each other")
	here(t, "agent", "--name", "w0", "--tls-cert", "c.pem").failed(t, 2, "--tls-cert and --tls-key go together")
	here(t, "agent", "--name", "w0", "--tls-ca", "ca.pem", "--token-file", "t").failed(t, 2, "--tls-cert and --tls-key are missing")
	here(t, "call", "--peer", "w0=h:1", "--tls-ca", "ca.pem", "w0", "math:hypot").failed(t, 2, "give --tls-cert and --tls-key, or --token-file")
	gopyrpc(t, "", "agent", "--name", "a b").failed(t, 1, `gopyrpc: --name: "a b" is no name for a worker`)
	gopyrpc(t, "", "call", "--as", "a b", "--peer", "w0=h:1", "w0", "math:hypot").failed(t, 2, `gopyrpc: --as: "a b" is no name for a worker`)
	gopyrpc(t, "", "agent", "--name", "w0", "--listen", "0.0.0.0:0").failed(t, 1, "gopyrpc: insecure configuration: the agent listens on",
		"without TLS and proof of who calls: give --tls-ca with --tls-cert and --tls-key, or with --token-file")
	gopyrpc(t, "", "agent", "--name", "w0", "--allow", "not an entry").failed(t, 1, `gopyrpc: --allow: bad allow-list entry "not an entry"`)
	gopyrpc(t, "", "agent", "--name", "w0", "--allow", "math:hypot()").failed(t, 1, `gopyrpc: --allow: bad allow-list entry "math:hypot()"`, `"hypot()" is not the name of anything in a module`)
	for _, entry := range []string{"=math", "w1="} {
		gopyrpc(t, "", "agent", "--name", "w0", "--allow", entry).failed(t, 2, "gopyrpc: --allow \""+entry+"\": expected an entry, or worker=entry")
	}
	gopyrpc(t, "", "agent", "--name", "w0", "--coordinator", "127.0.0.1:1", "--world-size", "2", "--rank", "5").failed(t, 1,
		"gopyrpc: --rank: it is 5, and the group has ranks 0 to 1")
}

// TestAgentGroup: two workers that name each other.
func TestAgentGroup(t *testing.T) {
	first := serveAgent(t, "--name", "w1")
	second := serveAgent(t, "--name", "w0", "--peer", first.peer)
	assert.Equal(t, "'w0'\n", gopyrpc(t, "", "call", "--peer", second.peer, "w0", "cmd_rpc:whoami").ok(t))
	gopyrpc(t, "", "call", "--peer", second.peer, "w0", "cmd_rpc:ask", "'w1'").failed(t, 1, `unknown worker "w0"`)

	third := serveAgent(t, "--name", "a", "--guest", "b", "--guest", "cli")
	fourth := serveAgent(t, "--name", "b", "--peer", third.peer)
	assert.Equal(t, "'a'\n", gopyrpc(t, "", "call", "--peer", fourth.peer, "b", "cmd_rpc:ask", "'a'").ok(t))
}

// TestRunWithAgents: programs that find each other with init_rpc.
func TestRunWithAgents(t *testing.T) {
	python(t)
	script := filepath.Join(testdata(t), "cmd_group.py")
	port := freePort(t)
	var all sync.WaitGroup
	ends := make([]ended, 2)
	for rank := range ends {
		cmd := command(t, "run", script)
		cmd.Env = append(cmd.Environ(), "RANK="+string(rune('0'+rank)), "WORLD_SIZE=2", "MASTER_ADDR=127.0.0.1", "MASTER_PORT="+port)
		all.Go(func() { ends[rank] = finish(t, cmd) })
	}
	all.Wait()
	assert.Equal(t, "worker0 asked worker1: worker1\n", ends[0].ok(t))
	assert.Equal(t, "worker1 asked worker0: worker0\n", ends[1].ok(t))
}

// TestRunNested: a call that waits for another gives its permit back, so that a thousand of them may wait for
// each other, at one worker and at two.
func TestRunNested(t *testing.T) {
	python(t)
	for _, world := range []int{1, 2} {
		port := freePort(t)
		var all sync.WaitGroup
		for rank := range world {
			cmd := command(t, "run", filepath.Join(testdata(t), "cmd_nested.py"), "1000")
			cmd.Env = append(cmd.Environ(), fmt.Sprint("RANK=", rank), fmt.Sprint("WORLD_SIZE=", world), "MASTER_ADDR=127.0.0.1", "MASTER_PORT="+port)
			all.Go(func() {
				out := finish(t, cmd).ok(t)
				if rank == 0 {
					assert.Equal(t, "1000\n", out)
				}
			})
		}
		all.Wait()
	}
}

// TestRunSaysWhatInitRPCNeeds: errors are about what the program, or its environment, lacks.
func TestRunSaysWhatInitRPCNeeds(t *testing.T) {
	python(t)
	run := func(source string, env ...string) ended {
		cmd := command(t, "run", "/dev/stdin")
		cmd.Stdin = strings.NewReader("import gopyrpc as rpc\n" + source)
		cmd.Env = append(cmd.Environ(), append([]string{"RANK=", "WORLD_SIZE=", "MASTER_ADDR=", "MASTER_PORT="}, env...)...)
		return finish(t, cmd)
	}
	run("rpc.init_rpc('w0')", "RANK=0", "WORLD_SIZE=1").raised(t, "the environment has no MASTER_ADDR and no MASTER_PORT")
	run("rpc.init_rpc('w0')").raised(t, "rank parameter missing: it is not given, and environment variable RANK expected, which is ''")
	run("rpc.init_rpc('w0', rank=2, world_size=2)", "MASTER_ADDR=127.0.0.1", "MASTER_PORT=1").raised(t, "rank 2 is not one of a group of 2")
	run("rpc.init_rpc('w 0', rank=0, world_size=1)", "MASTER_ADDR=127.0.0.1", "MASTER_PORT=0").raised(t, `"w 0" is no name for a worker`)
	run("rpc.rpc_sync('w0', len)").raised(t, "RPC has not been initialized")
	run("rpc.shutdown()").raised(t, "RPC has not been initialized")
	out := run("rpc.init_rpc('w0', rank=0, world_size=1)\nprint(rpc.rpc_sync('w0', len, ([1],)))\nrpc.shutdown()\n"+
		"rpc.init_rpc('w1', rank=0, world_size=1)\nprint(rpc.get_worker_info())", "MASTER_ADDR=127.0.0.1", "MASTER_PORT=0").ok(t)
	assert.Equal(t, "1\nWorkerInfo(id=0, name=w1)\n", out)
}

// TestAgentThatServesNobody: calls that are stuck in C are left at their deadlines; when they take all permits, the agent
// says what is stuck, and so does its health.
func TestAgentThatServesNobody(t *testing.T) {
	s := serveAgent(t, "--name", "w0", "--permits", "2", "--max-abandoned", "1")
	_, address, _ := strings.Cut(s.peer, "=")
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	defer conn.Close()
	health := func() grpc_health_v1.HealthCheckResponse_ServingStatus {
		reply, err := grpc_health_v1.NewHealthClient(conn).Check(t.Context(), &grpc_health_v1.HealthCheckRequest{})
		require.NoError(t, err)
		return reply.GetStatus()
	}
	require.Equal(t, grpc_health_v1.HealthCheckResponse_SERVING, health())
	for health() == grpc_health_v1.HealthCheckResponse_SERVING {
		gopyrpc(t, "", "call", "--timeout", "300ms", "--peer", s.peer, "w0", "time:sleep", "100000").failed(t, 1, "did not return within 300ms")
	}
	stderr := s.stop(t).stderr
	for _, part := range []string{"level=ERROR", "python serves no calls: all 2 permits", "1 more such calls are abandoned", "call from worker"} {
		assert.Contains(t, stderr, part)
	}
}
