package handler_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/gopyrpc/gopyrpc/handler"
	"github.com/gopyrpc/gopyrpc/internal/pythontest"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

const trapVariable = "GOPYRPC_TEST_TRAP"

func init() {
	pythontest.Register("sprung trap", script(springTrap))
}

func springTrap(ctx context.Context, rt *pybridge.Runtime) error {
	runtime.LockOSThread() // some traps stay on their thread: the calls after them have to come there
	defer runtime.UnlockOSThread()
	h, err := handler.New(ctx, rt)
	if err != nil {
		return err
	}
	if _, err := h.RunUDF(ctx, global("greet", "V0\n")); err != nil {
		return fmt.Errorf("before: %w", err)
	}
	for _, name := range []string{"prepare", os.Getenv(trapVariable)} {
		if _, err := h.RunUDF(ctx, globalOf("traps", name, "")); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	for i := range 2 {
		if err := after(ctx, h); err != nil {
			return errors.Join(fmt.Errorf("%d after: %w", i, err), h.Cleanup(ctx), rt.Close(ctx))
		}
	}
	if err := h.Cleanup(ctx); err != nil {
		return err
	}
	if n := pybridge.Owned(); n != 0 {
		return fmt.Errorf("%d references left", n)
	}
	fmt.Println("survived")
	fmt.Println("Close:", rt.Close(ctx)) // says what streams and hooks of the user's raised
	return nil
}

// traps are functions of traps.py that harm nothing but themselves.
var traps = []string{
	"junk_streams", "raising_streams", "delete_streams", "delete_stderr_while_logging", "raising_log_handler",
	"replace_modules", "modules_none", "useless_builtins", "lying_builtins",
	"switch_interval", "profile", "quiet_trace", "trace_all_threads", "low_recursion_limit",
	"empty_path", "junk_path", "no_importers", "raising_importer", "clear_environment", "change_directory", "directory_that_is_gone",
	"disable_gc", "frantic_gc", "warnings_are_errors", "disable_logging", "decimal_precision", "set_locale",
	"clear_copyreg", "useless_pickle", "useless_linecache", "raising_hooks", "raise_in_del", "exit_in_del",
	"threads_left", "exit_in_thread", "raise_in_thread", "pool_left", "loop_left", "loop_running", "alarm",
	"generator_left", "exception_left", "clear_hooks", "raising_exit_hook", "context_left",
}

// limits are those that others see something of, and what: an error, and the process lives, closes, and
// runs its hooks.
var limits = map[string]string{
	"clear_builtins": "its exception: gopyrpc.internal.RemoteError",             // user code has no builtins any more
	"trace":          "a good call: RuntimeError: a trace function that raises", // it stays on its thread
}

func TestTrapsHarmOnlyThemselves(t *testing.T) {
	for _, name := range traps {
		t.Run(name, func(t *testing.T) {
			stdout, stderr, code := pythontest.Script(t, "sprung trap", trapVariable+"="+name)
			assert.Equal(t, 0, code, "stderr:\n%s", stderr)
			assert.Contains(t, stdout, "survived")
			assert.Contains(t, stdout, "hook ran")
			assert.Regexp(t, `(?m)^Close: (<nil>|cleanup: flush: atexit hooks, stdout and stderr: (sys\.std|atexit: ).*)$`, stdout)
		})
	}
}

func TestLimitsOfIsolation(t *testing.T) {
	for name, seen := range limits {
		t.Run(name, func(t *testing.T) {
			stdout, stderr, code := pythontest.Script(t, "sprung trap", trapVariable+"="+name)
			assert.Equal(t, 1, code)
			assert.Contains(t, stderr, seen)
			assert.Contains(t, stdout, "hook ran")
		})
	}
}
