package main_test

import (
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/internal/buildtest"
	"github.com/gopyrpc/gopyrpc/internal/certs"
	"github.com/gopyrpc/gopyrpc/internal/interpreters"
)

// inOrder is a program that does what its arguments say, one after the other: rpc and down begin and end a group, pg
// makes a process group of torch's, torch imports it. At the end of each group its workers call each other.
const inOrder = `
import operator, os, sys
import gopyrpc as rpc

world = 0

def do(what):
    global world
    if what == "rpc":
        rpc.init_rpc()
        world = len(rpc.get_worker_infos())
    elif what == "down":
        assert rpc.rpc_sync((rpc.get_worker_info().id + 1) % world, operator.add, args=(1, 2)) == 3
        rpc.shutdown()
    elif what == "torch":
        import torch
    elif what == "torch-if-first":
        if os.environ["RANK"] == "0":
            import torch.distributed
    elif what == "pg":
        import torch, torch.distributed as dist
        dist.init_process_group("gloo")
        t = torch.ones(1)
        dist.all_reduce(t)
        assert t.item() == int(os.environ["WORLD_SIZE"])
    elif what == "die-once":
        if os.environ["TORCHELASTIC_RESTART_COUNT"] == "0" and os.environ["RANK"] == "1":
            os._exit(3)
    else:
        raise ValueError(what)

for what in sys.argv[1:]:
    do(what)
sys.stdout.write(f"did {len(sys.argv) - 1} of {world}\n")
`

// withTorch skips the test where the interpreter has no torch.
func withTorch(t *testing.T) string {
	t.Helper()
	python := interpreters.Find(t).Executable
	if err := exec.CommandContext(t.Context(), python, "-c", "import torch.distributed").Run(); err != nil {
		t.Skipf("%s has no torch.distributed: nothing to share a port with", python)
	}
	return python
}

// ranks starts a program once for each rank, with RANK and so on, and returns what each wrote.
func ranks(t *testing.T, python, source string, world int, env []string, args ...string) []string {
	t.Helper()
	file := write(t, "program.py", source)
	port := freePort(t)
	var all []*program
	for rank := range world {
		own := []string{fmt.Sprint("RANK=", rank), fmt.Sprint("WORLD_SIZE=", world), "MASTER_ADDR=127.0.0.1", "MASTER_PORT=" + port}
		all = append(all, runIn(t, append(own, env...), python, append([]string{file}, args...)...))
	}
	var out []string
	for _, p := range all {
		out = append(out, p.ok(t))
	}
	return out
}

// orders are ways to use RPC and a process group at one port.
var orders = [][]string{
	{"pg", "rpc", "down"},
	{"torch", "rpc", "pg", "down"},
	{"rpc", "down", "pg", "rpc", "down", "rpc", "down"},
	{"torch", "rpc", "down", "rpc", "pg", "down", "rpc", "down"},
	{"torch-if-first", "rpc", "down", "rpc", "down"},
}

// TestOnePort: RPC and a process group meet at the same MASTER_PORT, in either order, and again and again.
func TestOnePort(t *testing.T) {
	python := withTorch(t)
	for _, order := range orders {
		t.Run(strings.Join(order, " "), func(t *testing.T) {
			for _, out := range ranks(t, python, inOrder, 2, nil, order...) {
				assert.Equal(t, fmt.Sprintf("did %d of 2\n", len(order)), out)
			}
		})
	}
}

// TestOneFile: RPC and a process group meet by one file, in either order; RPC alone does without torch.
func TestOneFile(t *testing.T) {
	python := interpreters.Find(t).Executable
	source := strings.ReplaceAll(inOrder, "rpc.init_rpc()",
		`rpc.init_rpc(rpc_backend_options=rpc.RpcBackendOptions(init_method="file://" + os.environ["FILE"]))`)
	source = strings.ReplaceAll(source, `init_process_group("gloo")`,
		`init_process_group("gloo", init_method="file://" + os.environ["FILE"], rank=int(os.environ["RANK"]), world_size=2)`)
	meet := func(t *testing.T, order ...string) {
		env := []string{"FILE=" + filepath.Join(t.TempDir(), "meeting"), "MASTER_ADDR=", "MASTER_PORT="}
		for _, out := range ranks(t, python, source, 2, env, order...) {
			assert.Equal(t, fmt.Sprintf("did %d of 2\n", len(order)), out)
		}
	}
	t.Run("without torch", func(t *testing.T) { meet(t, "rpc", "down", "rpc", "down") })
	t.Run("with torch", func(t *testing.T) {
		withTorch(t)
		meet(t, "pg", "rpc", "down")
		meet(t, "rpc", "pg", "down")
	})
}

// torchrun runs a program under torch's launcher. Its workers' outputs are not sent anywhere: the option that says so of a rank that there is not keeps
// torch 1.13 from a fault of its own with CPython 3.11.
func torchrun(t *testing.T, python string, flags []string, args ...string) *program {
	t.Helper()
	command := slices.Concat([]string{"-m", "torch.distributed.run", "-r", "9:1", "-t", "9:1", "--nproc_per_node", "2"}, flags,
		[]string{write(t, "program.py", inOrder)}, args)
	return runIn(t, nil, python, command...)
}

// TestTorchrun: groups under torch's launcher, whose own store may have the port, and which starts a group again when a
// worker has died.
func TestTorchrun(t *testing.T) {
	python := withTorch(t)
	for name, flags := range map[string][]string{
		"static": {"--master_port", freePort(t)}, "c10d": {"--rdzv_backend", "c10d", "--rdzv_endpoint", "127.0.0.1:0"},
	} {
		for _, order := range [][]string{{"rpc", "down"}, {"pg", "rpc", "down"}, {"torch", "rpc", "pg", "down"}, {"rpc", "down", "rpc", "down"}} {
			t.Run(name+": "+strings.Join(order, " "), func(t *testing.T) {
				p := torchrun(t, python, flags, order...)
				assert.Equal(t, 2, strings.Count(p.ok(t), fmt.Sprintf("did %d of 2\n", len(order))), "%s", &p.out)
			})
		}
		t.Run(name+": again", func(t *testing.T) {
			p := torchrun(t, python, append(flags, "--max_restarts", "2"), "rpc", "die-once", "down")
			assert.Equal(t, 2, strings.Count(p.ok(t), "did 3 of 2\n"), "%s", &p.out)
		})
	}
}

// TestMpirun: the group is what mpirun started.
func TestMpirun(t *testing.T) {
	mpirun, err := exec.LookPath("mpirun")
	if err != nil {
		t.Skip("there is no mpirun: apt-get install openmpi-bin")
	}
	python := interpreters.Find(t).Executable
	file := write(t, "program.py", inOrder)
	p := runIn(t, []string{"MASTER_ADDR=127.0.0.1", "MASTER_PORT=" + freePort(t), "OMPI_ALLOW_RUN_AS_ROOT=1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1"},
		mpirun, "--oversubscribe", "-n", "3", python, file, "rpc", "down")
	assert.Equal(t, 3, strings.Count(p.ok(t), "did 2 of 3\n"))
}

// TestSlurmAndKubernetes: what these set says which worker a process is, and where the group meets.
func TestSlurmAndKubernetes(t *testing.T) {
	python, port := interpreters.Find(t).Executable, freePort(t)
	for name, of := range map[string]func(rank int) []string{
		"srun": func(rank int) []string {
			return []string{
				fmt.Sprint("SLURM_PROCID=", rank), "SLURM_NTASKS=2", "SLURM_STEP_NUM_TASKS=2", "SLURM_NNODES=1", "SLURM_JOB_ID=4711",
				"SLURM_JOB_NODELIST=localhost,other[1-3]",
			}
		},
		"an indexed job": func(rank int) []string {
			return []string{fmt.Sprint("JOB_COMPLETION_INDEX=", rank), "WORLD_SIZE=2", "MASTER_ADDR=localhost", "MASTER_PORT=" + port}
		},
	} {
		t.Run(name, func(t *testing.T) {
			var all []*program
			for rank := range 2 {
				all = append(all, runIn(t, of(rank), python, write(t, "program.py", inOrder), "rpc", "down"))
			}
			for _, p := range all {
				assert.Equal(t, "did 2 of 2\n", p.ok(t))
			}
		})
	}
}

// TestThisMachineByItsName: a launcher that gives the machine's own address, and not that of the loopback interface, needs
// nothing to be set while the group is on it. It is told what to set where the launcher says that it is not.
func TestThisMachineByItsName(t *testing.T) {
	host := ownAddress(t)
	python := interpreters.Find(t).Executable
	for _, out := range ranks(t, python, inOrder, 2, []string{"MASTER_ADDR=" + host}, "rpc", "down") {
		assert.Equal(t, "did 2 of 2\n", out)
	}
	p := runIn(t, []string{"RANK=0", "WORLD_SIZE=2", "LOCAL_WORLD_SIZE=1", "MASTER_ADDR=" + host, "MASTER_PORT=0"},
		python, write(t, "program.py", inOrder), "rpc")
	assert.Equal(t, 1, p.ended(t))
	for _, part := range []string{"RuntimeError: insecure configuration: the agent meets its group at " + host, "\n  GOPYRPC_TLS_CERT", "\n  GOPYRPC_INSECURE=1"} {
		assert.Contains(t, p.err.String(), part)
	}
}

// TestTwoMachines: two network namespaces, which have nothing in common but a wire. Each machine has its own name as an
// address of its loopback interface, as Debian's do, and the other's as that on the wire.
func TestTwoMachines(t *testing.T) {
	python := interpreters.Find(t).Executable
	hosts := twoHosts(t)
	file := write(t, "program.py", inOrder)
	meet := func(env func(rank int) []string) (both [2]*program) {
		for rank, host := range hosts {
			own := []string{fmt.Sprint("RANK=", rank), "WORLD_SIZE=2", "LOCAL_WORLD_SIZE=1", "MASTER_PORT=29500"}
			both[rank] = runIn(t, append(own, env(rank)...), "ip", "netns", "exec", host, python, file, "rpc", "down")
		}
		return both
	}
	for _, address := range []string{"10.77.0.1", "first.test"} {
		t.Run(address+" insecure", func(t *testing.T) {
			for _, p := range meet(func(int) []string { return []string{"MASTER_ADDR=" + address, "GOPYRPC_INSECURE=1"} }) {
				assert.Equal(t, "did 2 of 2\n", p.ok(t))
				assert.Contains(t, p.err.String(), "INSECURE")
			}
		})
		t.Run(address+" with nothing set", func(t *testing.T) {
			for _, p := range meet(func(int) []string { return []string{"MASTER_ADDR=" + address} }) {
				assert.Equal(t, 1, p.ended(t))
				assert.Contains(t, p.err.String(), "\n  GOPYRPC_INSECURE=1")
			}
		})
		t.Run(address+" with TLS", func(t *testing.T) {
			dir := t.TempDir()
			authority, err := certs.New(dir)
			require.NoError(t, err)
			var files [2]certs.Files
			for rank := range files {
				files[rank], err = authority.Leaf(fmt.Sprint("worker", rank), x509.Certificate{
					DNSNames: []string{fmt.Sprint("worker", rank), "first.test"}, IPAddresses: []net.IP{net.ParseIP("10.77.0.1")},
				})
				require.NoError(t, err)
			}
			secret := write(t, "secret", "a secret that is long enough")
			for _, p := range meet(func(rank int) []string {
				f := files[rank]
				return []string{
					"MASTER_ADDR=" + address, "GOPYRPC_TLS_CERT=" + f.Cert, "GOPYRPC_TLS_KEY=" + f.Key, "GOPYRPC_TLS_CA=" + authority.Path("ca.pem"),
					"GOPYRPC_TOKEN_FILE=" + secret,
				}
			}) {
				assert.Equal(t, "did 2 of 2\n", p.ok(t))
				assert.Empty(t, p.err.String())
			}
		})
	}
}

// twoHosts makes two namespaces with a wire between them.
func twoHosts(t *testing.T) [2]string {
	t.Helper()
	first, second := fmt.Sprint("gopyrpc-a-", os.Getpid()), fmt.Sprint("gopyrpc-b-", os.Getpid())
	ip := func(args ...string) error {
		out, err := exec.CommandContext(t.Context(), "ip", args...).CombinedOutput()
		if err != nil {
			return fmt.Errorf("ip %s: %w: %s", strings.Join(args, " "), err, out)
		}
		return nil
	}
	if err := ip("netns", "add", first); err != nil {
		t.Skipf("this user may make no network namespaces: %v", err)
	}
	t.Cleanup(func() { _ = exec.Command("ip", "netns", "del", first).Run() })
	require.NoError(t, ip("netns", "add", second))
	t.Cleanup(func() { _ = exec.Command("ip", "netns", "del", second).Run() })
	if err := ip("link", "add", "wire", "netns", first, "type", "veth", "peer", "name", "wire", "netns", second); err != nil {
		t.Skipf("this machine has no wires for network namespaces: %v", err)
	}
	for i, host := range []string{first, second} {
		names(t, host, []string{"127.0.1.1", "10.77.0.1"}[i])
		require.NoError(t, ip("-n", host, "addr", "add", fmt.Sprintf("10.77.0.%d/24", i+1), "dev", "wire"))
		require.NoError(t, ip("-n", host, "link", "set", "wire", "up"))
		require.NoError(t, ip("-n", host, "link", "set", "lo", "up"))
	}
	return [2]string{first, second}
}

// names has a namespace know first.test by that address.
func names(t *testing.T, host, address string) {
	t.Helper()
	folder := filepath.Join("/etc/netns", host) // which ip netns exec puts in the place of /etc
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Skipf("this user may not say what names a network namespace knows: %v", err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	require.NoError(t, os.WriteFile(filepath.Join(folder, "hosts"), []byte("127.0.0.1 localhost\n"+address+" first.test\n"), 0o644))
}

// ownAddress is one of this machine's that is not the loopback interface's.
func ownAddress(t *testing.T) string {
	t.Helper()
	own, err := net.InterfaceAddrs()
	require.NoError(t, err)
	for _, a := range own {
		if n, ok := a.(*net.IPNet); ok && n.IP.To4() != nil && !n.IP.IsLoopback() {
			return n.IP.String()
		}
	}
	t.Skip("this machine has no address but the loopback interface's")
	return ""
}

// runIn is run with variables of the environment.
func runIn(t *testing.T, env []string, name string, args ...string) *program {
	t.Helper()
	return runAs(t, append([]string{"PYTHONPATH=" + buildtest.Package(t), "PYTHONDONTWRITEBYTECODE=1"}, env...), name, args...)
}
