package main_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/internal/buildtest"
	"github.com/gopyrpc/gopyrpc/internal/interpreters"
)

// deployment is docs/deploy.md in a folder with its programs, where python3 is the test's interpreter.
type deployment struct {
	text, folder, python string
}

func deploy(t *testing.T, python string) deployment {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "deploy.md"))
	require.NoError(t, err)
	d := deployment{text: string(text), folder: t.TempDir(), python: python}
	for _, file := range []string{"train.py", "actors.py"} {
		_, source, found := strings.Cut(d.text, "```python file="+file+"\n")
		require.True(t, found, file)
		source, _, _ = strings.Cut(source, "```")
		require.NoError(t, os.WriteFile(filepath.Join(d.folder, file), []byte(source), 0o600))
	}
	require.NoError(t, os.WriteFile(filepath.Join(d.folder, "python3"), []byte("#!/bin/sh\nexec "+python+" \"$@\"\n"), 0o700)) // a link would leave a virtual environment
	return d
}

// command is the document's first line that begins so.
func (d deployment) command(t *testing.T, begins string) string {
	t.Helper()
	for line := range strings.Lines(d.text) {
		if strings.HasPrefix(line, begins) {
			return strings.TrimSpace(line)
		}
	}
	t.Fatalf("docs/deploy.md has no line that begins with %q", begins)
	return ""
}

// shell types a command in the folder.
func (d deployment) shell(t *testing.T, command string, env ...string) *program {
	t.Helper()
	path := "PATH=" + d.folder + string(os.PathListSeparator) + os.Getenv("PATH")
	return runIn(t, append(env, path), "bash", "-euc", "cd "+d.folder+"; "+command)
}

const twoWorkers = "2 workers on 1 machines\n"

func TestDeployTorchrun(t *testing.T) {
	d := deploy(t, withTorch(t))
	command := strings.Replace(d.command(t, "torchrun "), "torchrun", "python3 -m torch.distributed.run -r 9:1 -t 9:1", 1)
	assert.Equal(t, twoWorkers, d.shell(t, command).ok(t))
}

func TestDeployMpirun(t *testing.T) {
	if _, err := exec.LookPath("mpirun"); err != nil {
		t.Skip("there is no mpirun: apt-get install openmpi-bin")
	}
	d := deploy(t, interpreters.Find(t).Executable)
	command := strings.Replace(d.command(t, "mpirun "), "29500", freePort(t), 1)
	out := d.shell(t, command, "OMPI_ALLOW_RUN_AS_ROOT=1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1", "OMPI_MCA_rmaps_base_oversubscribe=1").ok(t)
	assert.Equal(t, twoWorkers, out)
}

// TestDeployKubernetes: the variables that the manifest gives the pods, of which each has a number, make a group.
func TestDeployKubernetes(t *testing.T) {
	d := deploy(t, interpreters.Find(t).Executable)
	var env []string
	for _, m := range regexp.MustCompile(`- \{name: (\w+), value: "?([^"}]+)"?\}`).FindAllStringSubmatch(d.text, -1) {
		env = append(env, m[1]+"="+m[2])
	}
	require.Contains(t, env, "MASTER_ADDR=train-0.train")
	require.Contains(t, env, "WORLD_SIZE=2")
	env = append(env, "MASTER_ADDR=localhost", "MASTER_PORT="+freePort(t)) // in the place of what the cluster knows
	var pods []*program
	for index := range 2 {
		pods = append(pods, d.shell(t, d.command(t, "srun ")[len("srun --nodes 2 --ntasks-per-node 4 "):], append(env, fmt.Sprint("JOB_COMPLETION_INDEX=", index))...))
	}
	assert.Equal(t, twoWorkers, pods[0].ok(t))
	assert.Empty(t, pods[1].ok(t))
}

// TestDeploySlurm: the variables that srun sets make a group.
func TestDeploySlurm(t *testing.T) {
	d := deploy(t, interpreters.Find(t).Executable)
	command := strings.TrimPrefix(d.command(t, "srun "), "srun --nodes 2 --ntasks-per-node 4 ")
	var tasks []*program
	for task := range 2 {
		tasks = append(tasks, d.shell(t, command, fmt.Sprint("SLURM_PROCID=", task), "SLURM_NTASKS=2", "SLURM_NNODES=1",
			"SLURM_JOB_NODELIST=localhost", "SLURM_JOB_ID=90815"))
	}
	assert.Equal(t, twoWorkers, tasks[0].ok(t))
	assert.Empty(t, tasks[1].ok(t))
}

// TestDeployRay: the actors, with a stand-in for Ray.
func TestDeployRay(t *testing.T) {
	d := deploy(t, interpreters.Find(t).Executable)
	standIn, err := filepath.Abs(filepath.Join("testdata", "ray"))
	require.NoError(t, err)
	path := "PYTHONPATH=" + strings.Join([]string{buildtest.Package(t), standIn}, string(os.PathListSeparator))
	assert.Equal(t, "5\n", d.shell(t, "python3 actors.py", path).ok(t))
}
