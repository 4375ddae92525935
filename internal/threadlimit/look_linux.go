package threadlimit

import (
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/gopyrpc/gopyrpc/internal/procmem"
)

// Look reads the limits of the system on this process: RLIMIT_NPROC, the pids controllers of its control groups,
// kernel.threads-max and kernel.pid_max, and RLIMIT_AS, as stacks take address space. A limit that cannot be read is
// taken for none.
func Look() Bound {
	tightest := Bound{Room: math.MaxInt32}
	for _, source := range []func() (Bound, bool){userProcesses, controlGroups, kernelThreads, addressSpace} {
		if b, ok := source(); ok && b.Room < tightest.Room {
			tightest = b
		}
	}
	tightest.Threads = ownThreads()
	return tightest
}

// ownThreads is how many threads this process has.
func ownThreads() int {
	text, _ := os.ReadFile("/proc/self/status") // 0 where it cannot be read
	n, _ := strconv.Atoi(statusField(string(text), "Threads"))
	return n
}

// userProcesses is RLIMIT_NPROC, which counts all threads of the user. The kernel does not hold the first root user
// to it, nor a process that has CAP_SYS_RESOURCE or CAP_SYS_ADMIN in the first user namespace.
func userProcesses() (Bound, bool) {
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NPROC, &limit) != nil || limit.Cur == unix.RLIM_INFINITY || exempt() {
		return Bound{}, false
	}
	uid := os.Getuid()
	used := threadsOf(uid)
	return Bound{
		Room:  left(limit.Cur, used),
		Limit: fmt.Sprintf("RLIMIT_NPROC is %d, and user %d has %d threads", limit.Cur, uid, used),
		Raise: "raise it with ulimit -u, LimitNPROC= of systemd, or --ulimit nproc= of docker",
	}, true
}

func exempt() bool {
	if !inFirstNamespace() {
		return false
	}
	return os.Getuid() == 0 || hasCapability(unix.CAP_SYS_RESOURCE) || hasCapability(unix.CAP_SYS_ADMIN)
}

// inFirstNamespace reports whether user IDs are mapped to themselves, all of them, as nowhere but in the first user
// namespace.
func inFirstNamespace() bool {
	text, err := os.ReadFile("/proc/self/uid_map")
	fields := strings.Fields(string(text))
	return err == nil && len(fields) == 3 && fields[0] == "0" && fields[1] == "0" && fields[2] == strconv.Itoa(math.MaxUint32)
}

func hasCapability(bit int) bool {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return false
	}
	set, err := strconv.ParseUint(statusField(string(text), "CapEff"), 16, 64)
	return err == nil && set&(1<<bit) != 0
}

// UserThreads is how many threads the user of this process has, as far as /proc shows them.
func UserThreads() int { return threadsOf(os.Getuid()) }

// threadsOf counts the threads whose real user is uid, as far as /proc shows them.
func threadsOf(uid int) int {
	processes, err := os.ReadDir("/proc")
	if err != nil {
		return 0
	}
	n := 0
	for _, p := range processes {
		if _, err := strconv.Atoi(p.Name()); err != nil {
			continue
		}
		text, err := os.ReadFile("/proc/" + p.Name() + "/status")
		if err != nil {
			continue // it has ended
		}
		users := strings.Fields(statusField(string(text), "Uid"))
		if len(users) > 0 && users[0] == strconv.Itoa(uid) {
			threads, _ := strconv.Atoi(statusField(string(text), "Threads"))
			n += threads
		}
	}
	return n
}

// statusField is what follows "name:" in a file of that form, without the space around it.
func statusField(text, name string) string {
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, name+":"); ok {
			return strings.TrimSpace(rest)
		}
	}
	return ""
}

// kernelThreads is the bound on all threads of the machine.
func kernelThreads() (Bound, bool) {
	text, err := os.ReadFile("/proc/loadavg") // "0.1 0.2 0.3 running/threads last-pid"
	fields := strings.Fields(string(text))
	if err != nil || len(fields) < 4 {
		return Bound{}, false
	}
	_, count, _ := strings.Cut(fields[3], "/")
	used, err := strconv.Atoi(count)
	if err != nil {
		return Bound{}, false
	}
	tightest, found := Bound{}, false
	for _, name := range []string{"threads-max", "pid_max"} {
		limit, ok := readNumber("/proc/sys/kernel/" + name)
		if room := left(limit, used); ok && (!found || room < tightest.Room) {
			tightest, found = Bound{
				Room:  room,
				Limit: fmt.Sprintf("kernel.%s is %d, and the machine has %d threads", name, limit, used),
				Raise: "raise it with sysctl kernel." + name,
			}, true
		}
	}
	return tightest, found
}

// addressPerThread is a stack, and what the C library reserves at the first allocation on a new thread.
const addressPerThread = 96 << 20

// addressSpace is RLIMIT_AS.
func addressSpace() (Bound, bool) {
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_AS, &limit) != nil || limit.Cur == unix.RLIM_INFINITY {
		return Bound{}, false
	}
	size, err := procmem.Read()
	if err != nil {
		return Bound{}, false
	}
	used := uint64(size.Virtual)
	room := uint64(0)
	if limit.Cur > used {
		room = (limit.Cur - used) / addressPerThread
	}
	return Bound{
		Room:  int(min(room, math.MaxInt32)),
		Limit: fmt.Sprintf("RLIMIT_AS is %d MiB, the process has %d MiB, and a thread takes up to %d", limit.Cur>>20, used>>20, addressPerThread>>20),
		Raise: "raise it with ulimit -v, or LimitAS= of systemd",
	}, true
}

func left(limit uint64, used int) int {
	if limit <= uint64(used) {
		return 0
	}
	return int(min(limit-uint64(used), math.MaxInt32))
}

// readNumber is the number that a file consists of; not ok where there is none, as with "max".
func readNumber(path string) (uint64, bool) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, false
	}
	n, err := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 64)
	return n, err == nil
}
