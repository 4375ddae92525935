package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/gopyrpc/gopyrpc/cmd/gopyrpc/launch"
)

// runFlags say how a program is run, besides what its workers may do.
type runFlags struct {
	workers          int
	module, code     string
	asTorch, reports bool
}

func runCommand(c *common) *cobra.Command {
	f, how := &agentFlags{}, &runFlags{}
	cmd := &cobra.Command{
		Use:   "run [-n WORKERS] [--as-torch] SCRIPT.py|-m MODULE|-c CODE [ARG...]",
		Short: "Run a Python program that may import gopyrpc, or a group of such",
		Long: `run starts python3 with the program, as python3 SCRIPT.py ARG... would be, and with a package gopyrpc that the program
and its children can import: the one that is installed for that python3, else the one that this command carries, which is
unpacked into the user's cache. The flags say who may call the agent that the program starts with gopyrpc.init_rpc, and are
handed on as GOPYRPC_ variables. Which python3 it is, is found as for the other commands.

With -n the program runs in that many processes, with the environment that torchrun gives: RANK, LOCAL_RANK,
WORLD_SIZE, LOCAL_WORLD_SIZE, and MASTER_ADDR and MASTER_PORT of this machine unless both are set. Lines of
output begin with the rank; one that is not finished is shown after a tenth of a second. When a worker fails the others
are ended; the one that failed first, and not for want of another, is named, and its status is the command's.

With --as-torch gopyrpc stands in the place of torch.distributed.rpc, also for libraries that import that.`,
		RunE: func(cmd *cobra.Command, args []string) error { return c.runProgram(cmd, f, how, args) },
	}
	f.add(cmd)
	flags := cmd.Flags()
	flags.IntVarP(&how.workers, workersFlag, "n", 0, "run that many `workers`, each in a process of its own")
	flags.StringVarP(&how.module, moduleFlagName, "m", "", "run a `module` as the program, as python3 -m does; what follows is the program's")
	flags.StringVarP(&how.code, codeFlag, "c", "", "run `code` as the program, as python3 -c does; what follows is the program's")
	flags.BoolVar(&how.asTorch, "as-torch", false, "put gopyrpc in the place of torch.distributed.rpc")
	flags.BoolVar(&how.reports, "report", false, "have each agent print what became of it when it leaves")
	flags.SetInterspersed(false) // what follows the script is the script's
	return cmd
}

// Flags of run.
const (
	workersFlag    = "workers"
	moduleFlagName = "module"
	codeFlag       = "code"
)

// groupVariables are what a launcher gives each worker. One that finds them is itself a worker of a group.
var groupVariables = []string{"RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "GROUP_RANK"}

// launchGrace is how long workers have to end when they are told to.
const launchGrace = 2 * joinTime

// runProgram replaces this process with python3, or starts one for each worker.
func (c *common) runProgram(cmd *cobra.Command, f *agentFlags, how *runFlags, args []string) error {
	launches := cmd.Flags().Changed(workersFlag)
	if launches {
		if how.workers < 1 || how.workers > launch.MaxWorkers {
			return &usageError{fmt.Errorf("-n %d: from 1 to %d workers", how.workers, launch.MaxWorkers)}
		}
		if err := checkAlone(); err != nil {
			return err
		}
	}
	if _, err := f.config(c, cmd); err != nil { // once here rather than by every worker
		return err
	}
	program, err := how.program(cmd, args)
	if err != nil {
		return err
	}
	p, err := c.pythonFor(cmd.Context(), f.said(c, cmd.Flags()), how.reports)
	if err != nil {
		return err
	}
	if !launches {
		process := exec.Cmd{Env: append(os.Environ(), p.environ...)} // which makes one of two variables of a name
		err := syscall.Exec(p.executable, append([]string{p.executable}, program...), process.Environ())
		return fmt.Errorf("%s cannot be started: %w", p.executable, err)
	}
	return c.launchGroup(cmd, how.workers, p, program)
}

// program is what python3 gets as arguments.
func (how *runFlags) program(cmd *cobra.Command, args []string) ([]string, error) {
	module, code := cmd.Flags().Changed(moduleFlagName), cmd.Flags().Changed(codeFlag)
	var program []string
	switch {
	case module && code:
		return nil, &usageError{errors.New("-m and -c exclude each other")}
	case module:
		program = append([]string{"-m", how.module}, args...)
	case code:
		program = append([]string{"-c", how.code}, args...)
	case len(args) == 0:
		return nil, &usageError{fmt.Errorf("there is no program; usage: %s", cmd.UseLine())}
	default:
		if _, err := os.Stat(args[0]); err != nil {
			return nil, fmt.Errorf("the script cannot be read: %w", err)
		}
		program = args
		if strings.HasPrefix(args[0], "-") {
			program = append([]string{"--"}, args...)
		}
	}
	if how.asTorch {
		program = append([]string{"-m", "gopyrpc", "--as-torch"}, program...)
	}
	return program, nil
}

// launchGroup runs the program in so many processes.
func (c *common) launchGroup(cmd *cobra.Command, workers int, p *python3, program []string) error {
	environ := p.environ
	if os.Getenv(unbufferedVariable) == "" { // the launcher shows output as it comes
		environ = append(environ, unbufferedVariable+"=1")
	}
	group := &launch.Group{
		Workers: workers, Command: append([]string{p.executable}, program...), Environ: environ, Grace: launchGrace,
		Stdin: cmd.InOrStdin(), Stdout: cmd.OutOrStdout(), Stderr: cmd.ErrOrStderr(),
	}
	beforeStopAtOnce(cmd.Context(), group.Kill)
	err := group.Run(cmd.Context())
	var failed *launch.Failed
	if errors.As(err, &failed) {
		cmd.PrintErrln("gopyrpc:", failed)
		return &exitError{failed.Status()}
	}
	return err
}

// checkAlone refuses to make a group of its own of each worker of a larger one.
func checkAlone() error {
	var set []string
	for _, name := range groupVariables {
		if value := os.Getenv(name); value != "" {
			set = append(set, name+"="+value)
		}
	}
	if len(set) == 0 {
		return nil
	}
	return &usageError{fmt.Errorf("-n starts all workers of a group on this machine, but the environment says that this is one of a group already (%s): "+
		"leave -n out, so that each launcher's process is one worker, or unset them", strings.Join(set, " "))}
}
