package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	agentpb "github.com/gopyrpc/gopyrpc/agent/proto"
	"github.com/gopyrpc/gopyrpc/cmd/gopyrpc/launch"
	"github.com/gopyrpc/gopyrpc/internal/certs"
)

// site is the agent w0, which is attacked, and w1, a worker of the attacker's, whose functions are those of evil.py. w2
// and w3 are members of the group, and cli is a guest, for raw peers to come as.
type site struct {
	r        *runner
	ctx      context.Context
	dir      string
	ports    [4]int
	sockets  []int
	agent    *member
	attacker *member
	judge    *peer // asks what has become of w0
}

// member is a process of gopyrpc agent.
type member struct {
	cmd    *exec.Cmd
	stderr *safeBuffer
	ended  chan struct{}
}

// safeBuffer keeps the output of a process, and can be read while the process writes.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer // guarded by mu
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// newSite starts w0 and w1.
func (r *runner) newSite(ctx context.Context, flags []string) (s *site, err error) {
	if r.gopyrpc == "" {
		return nil, errNoCommand
	}
	s = &site{r: r, ctx: ctx}
	defer func() {
		if err != nil {
			s.close()
			s = nil
		}
	}()
	if s.dir, err = os.MkdirTemp("", "redteam-site"); err != nil {
		return s, err
	}
	for i := range s.ports {
		socket, port, err := launch.KeepPort()
		if err != nil {
			return s, err
		}
		s.sockets, s.ports[i] = append(s.sockets, socket), port
	}
	if s.agent, err = s.start("w0", 0, append(slices.Clone(flags), "--guest", "cli", "--guest", "judge")); err != nil {
		return s, err
	}
	if s.attacker, err = s.start("w1", 1, []string{"--guest", "judge"}); err != nil {
		return s, err
	}
	var dial dialer
	if slices.Contains(flags, secretFile) {
		keys, err := token(groupSecret, "judge")
		if err != nil {
			return s, err
		}
		dial = proving("judge", keys, 7)
	}
	if slices.Contains(flags, certFile) {
		files, err := s.r.certs.leaf(s.r.certs.group, certs.ForName("judge"))
		if err != nil {
			return s, err
		}
		dial = overTLS(&files)
	}
	if s.judge, err = dialRaw(s.ctx, s.address(0), hello("judge"), dial); err != nil {
		return s, err
	}
	if _, err = s.judge.call(udf(global("victim", "keep_secret"))); err != nil {
		return s, err
	}
	return s, nil
}

func (s *site) address(rank int) string { return "127.0.0.1:" + strconv.Itoa(s.ports[rank]) }

// start starts a member, and returns when it listens.
func (s *site) start(name string, rank int, flags []string) (*member, error) {
	dir := filepath.Join(s.dir, name)
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	args := []string{"--path", s.r.modules, "agent", "--name", name, "--listen", s.address(rank)}
	for other := range s.ports {
		if other != rank {
			args = append(args, "--peer", fmt.Sprintf("w%d=%s", other, s.address(other)))
		}
	}
	files, err := s.r.certs.leaf(s.r.certs.group, certs.ForName(name))
	if err != nil {
		return nil, err
	}
	stands := map[string]string{secretFile: s.r.secret, certFile: files.Cert, keyFile: files.Key, caFile: files.CA}
	for i, flag := range flags {
		if file, ok := stands[flag]; ok {
			flags[i] = file
		}
	}
	m := &member{cmd: exec.CommandContext(s.ctx, s.r.gopyrpc, append(args, flags...)...), stderr: &safeBuffer{}, ended: make(chan struct{})}
	m.cmd.Dir = dir
	m.cmd.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1")
	m.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	read, write, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	m.cmd.Stderr = write
	err = m.cmd.Start()
	_ = write.Close()
	if err != nil {
		_ = read.Close()
		return nil, err
	}
	lines := bufio.NewReader(io.TeeReader(read, m.stderr))
	for {
		line, err := lines.ReadString('\n')
		if strings.Contains(line, " listens on ") {
			break
		}
		if err != nil {
			_ = m.cmd.Wait()
			return nil, fmt.Errorf("worker %s does not start: %s", name, m.stderr)
		}
	}
	go func() {
		_, _ = io.Copy(io.Discard, lines)
		_ = read.Close()
	}()
	go func() {
		_ = m.cmd.Wait()
		close(m.ended)
	}()
	return m, nil
}

func (m *member) kill() {
	if m == nil {
		return
	}
	_ = syscall.Kill(-m.cmd.Process.Pid, syscall.SIGKILL)
	<-m.ended
}

func (s *site) close() {
	if s == nil {
		return
	}
	s.judge.close()
	s.agent.kill()
	s.attacker.kill()
	for _, socket := range s.sockets {
		_ = syscall.Close(socket)
	}
	_ = os.RemoveAll(s.dir)
}

// canary is the file that an attack makes in the agent's folder.
func (s *site) canary() string { return filepath.Join(s.dir, "w0", canaryFile) }

// suffer makes one attack, and looks for canaries.
func (s *site) suffer(a attack, do func() (string, error)) ending {
	e := event{Name: a.name}
	_ = os.Remove(s.canary())
	if s.judge != nil {
		if _, err := s.judge.call(udf(global("victim", "remember"), list(texts(a.imports)...))); err != nil {
			e.Skip = "the attack cannot be made: " + err.Error()
			return ending{e, true}
		}
	}
	w := s.watch()
	said, err := do()
	e.Said = said
	if err != nil {
		e.Error = strings.TrimSpace(err.Error())
	}
	e.Fired = append(w.end(), s.canaries()...)
	if strings.Contains(said, secret) {
		e.Fired = append(e.Fired, firing{leaked, "the victim's secret is in the reply"})
		e.Said = "an answer"
	}
	return ending{e, true}
}

func texts(list []string) (all []string) {
	for _, t := range list {
		all = append(all, text(t))
	}
	return all
}

var differences = regexp.MustCompile(`\[\[(.*?)\], \[(.*?)\]\]`)

func (s *site) canaries() (fired []firing) {
	if _, err := os.Stat(s.canary()); err == nil {
		fired = append(fired, firing{touched, "a file was made"})
	}
	select {
	case <-s.agent.ended:
		return append(fired, firing{died, how(s.agent.cmd.ProcessState) + lastLine(s.agent.stderr.String())})
	default:
	}
	if s.judge == nil {
		return fired
	}
	reply, err := s.judge.call(udf(global("victim", "differences")))
	if err != nil {
		return append(fired, firing{deaf, err.Error()})
	}
	found := differences.FindStringSubmatch(reply)
	if found == nil {
		return append(fired, firing{deaf, "the victim cannot say what it is: " + oneLine(reply)})
	}
	if found[1] != "" {
		fired = append(fired, firing{changed, found[1]})
	}
	if found[2] != "" {
		fired = append(fired, firing{imported, found[2]})
	}
	return fired
}

// siteWatch ends the agent when the agent takes too much memory or time: a computation with the GIL held would not end by itself.
type siteWatch struct {
	guard
	fired chan []firing
}

func (s *site) watch() *siteWatch {
	pid := s.agent.cmd.Process.Pid
	w := &siteWatch{guard: newGuard(pid), fired: make(chan []firing, 1)}
	go func() {
		defer close(w.stopped)
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-w.over:
				return
			case <-tick.C:
				if fired := w.look(); len(fired) > 0 {
					w.fired <- fired
					_ = syscall.Kill(-pid, syscall.SIGKILL)
					<-s.agent.ended
					return
				}
			}
		}
	}()
	return w
}

func (w *siteWatch) end() []firing {
	close(w.over)
	<-w.stopped
	select {
	case fired := <-w.fired:
		return fired
	default:
		return w.look()
	}
}

// attackersWorker is a peer that calls w1.
func (s *site) attackersWorker() (*peer, error) {
	return dialRaw(s.ctx, s.address(1), &agentpb.Hello{Version: protocolVersion, Name: "judge", Incarnation: 7}, nil)
}
