package main

import "strings"

// Python code that makes the canary's file.
const (
	shell     = "touch " + canaryFile
	statement = "open('" + canaryFile + "', 'w').close()"
)

// gadget is a function that no reasonable list has, called while the pickle is read.
type gadget struct {
	module, name string
	args         []string // opcodes
	canary       string   // of the control; touched where it is ""
	inert        string
	needs        string
	imports      string // a module that the gadget imports
}

// gadgetAttacks are the classics. Each names a function that runs code, opens a file or reaches further.
func gadgetAttacks() (all []attack) {
	sh, file := text(shell), text(canaryFile)
	command := list(text("touch"), file)
	for _, g := range []gadget{
		{module: "os", name: "system", args: []string{sh}},
		{module: "posix", name: "system", args: []string{sh}},
		{module: "os", name: "popen", args: []string{sh}, canary: entered},
		{module: "os", name: "posix_spawnp", args: []string{text("touch"), command, dict(text("PATH"), text("/usr/bin:/bin"))}, canary: entered},
		{module: "os", name: "mkdir", args: []string{file}},
		{module: "os", name: "_exit", args: []string{number(7)}, canary: died},
		{module: "os", name: "abort", canary: died},
		{module: "os", name: "kill", args: []string{number(0), number(9)}, canary: died},
		{module: "os", name: "putenv", args: []string{text("A"), text("B")}, inert: "the C environment is none of the victim's values"},
		{module: "subprocess", name: "run", args: []string{command}},
		{module: "subprocess", name: "Popen", args: []string{command}, canary: entered},
		{module: "subprocess", name: "check_output", args: []string{command}},
		{module: "subprocess", name: "getoutput", args: []string{sh}},
		{module: "_posixsubprocess", name: "fork_exec", canary: entered, inert: "its arguments are other ones with each Python"},
		{module: "builtins", name: "eval", args: []string{text(statement)}},
		{module: "builtins", name: "exec", args: []string{text(statement)}},
		{module: "builtins", name: "__import__", args: []string{text("sideeffect")}},
		{module: "builtins", name: "open", args: []string{file, text("w")}},
		{module: "builtins", name: "setattr", args: []string{global("victim", "Account"), text("limit"), number(1 << 20)}, canary: changed},
		{module: "builtins", name: "delattr", args: []string{global("victim", "Account"), text("limit")}, canary: changed},
		{module: "builtins", name: "type", args: []string{text("Made"), tuple(), empty}, canary: entered},
		{module: "builtins", name: "globals", canary: entered},
		{module: "builtins", name: "vars", args: []string{global("victim", "Account")}, canary: entered},
		{module: "builtins", name: "memoryview", args: []string{blob("x")}, canary: entered},
		{module: "builtins", name: "breakpoint", canary: imported, imports: "pdb"},
		{module: "io", name: "open", args: []string{file, text("w")}},
		{module: "_io", name: "FileIO", args: []string{file, text("w")}},
		{module: "pathlib", name: "Path.touch", args: []string{call("pathlib", "Path", file)}},
		{module: "tempfile", name: "mkdtemp", args: []string{text(""), text(""), text(".")}, canary: imported},
		{module: "pty", name: "spawn", args: []string{command}, canary: imported},
		{module: "timeit", name: "timeit", args: []string{text(statement), text("pass"), global("time", "time"), number(1)}},
		{module: "runpy", name: "run_module", args: []string{text("sideeffect")}},
		{module: "runpy", name: "_run_code", args: []string{text(statement), empty}},
		{module: "webbrowser", name: "open", args: []string{text("file:///dev/null")}, canary: imported},
		{module: "ctypes", name: "string_at", args: []string{number(1)}, canary: died},
		{module: "ctypes", name: "CDLL", args: []string{none}, canary: imported},
		{module: "code", name: "interact", canary: imported},
		{module: "code", name: "InteractiveInterpreter", canary: imported},
		{module: "pdb", name: "Pdb", canary: imported},
		{module: "bdb", name: "Bdb", canary: imported},
		{module: "doctest", name: "testmod", canary: imported},
		{module: "trace", name: "Trace", canary: imported},
		{module: "cProfile", name: "run", args: []string{text(statement)}},
		{module: "profile", name: "run", args: []string{text(statement)}},
		{module: "multiprocessing.util", name: "spawnv_passfds", args: []string{blob("/bin/touch"), list(blob("touch"), blob(canaryFile)), tuple()}, canary: imported},
		{module: "multiprocessing.reduction", name: "ForkingPickler.loads", args: []string{blob("cos\nsystem\n(S'" + shell + "'\ntR.")}},
		{module: "concurrent.futures", name: "ProcessPoolExecutor", canary: imported},
		{module: "pip", name: "main", args: []string{list(text("--version"))}, canary: imported, needs: "pip"},
		{module: "ensurepip", name: "version", canary: imported, needs: "ensurepip"},
		{module: "idlelib.pyshell", name: "main", canary: imported, needs: "idlelib"},
		{module: "importlib", name: "import_module", args: []string{text("sideeffect")}},
		{module: "importlib", name: "reload", args: []string{call("builtins", "__import__", text("victim"))}, canary: changed},
		{module: "importlib.util", name: "_LazyModule", canary: entered, inert: "a class whose call does nothing"},
		{module: "pkgutil", name: "resolve_name", args: []string{text("sideeffect")}},
		{module: "pydoc", name: "locate", args: []string{text("sideeffect")}},
		{module: "logging.config", name: "dictConfig", args: []string{dict(text("version"), number(1), text("formatters"),
			dict(text("f"), dict(text("()"), text("os.system"), text("command"), sh)))}},
		{module: "logging", name: "FileHandler", args: []string{file}},
		{module: "shutil", name: "copyfile", args: []string{text("/dev/null"), file}, canary: touched},
		{module: "shutil", name: "rmtree", args: []string{text("none of the kind"), yes}, canary: imported},
		{module: "sqlite3", name: "connect", args: []string{file}},
		{module: "socket", name: "create_connection", args: []string{tuple(text("127.0.0.1"), number(9))}, canary: imported},
		{module: "urllib.request", name: "urlopen", args: []string{text("file:///dev/null")}, canary: imported},
		{module: "distutils.spawn", name: "spawn", args: []string{command}, needs: "distutils.spawn"},
		{module: "test.support.script_helper", name: "assert_python_ok", args: []string{text("-c"), text(statement)}, needs: "test.support.script_helper"},
		{module: "asyncio.unix_events", name: "_UnixSubprocessTransport._start", canary: imported},
		{module: "pickle", name: "loads", args: []string{blob("cos\nsystem\n(S'" + shell + "'\ntR.")}},
		{module: "_pickle", name: "loads", args: []string{blob("cos\nsystem\n(S'" + shell + "'\ntR.")}},
		{module: "marshal", name: "loads", args: []string{blob("N")}, canary: entered},
		{module: "shelve", name: "open", args: []string{file}, canary: imported},
		{module: "signal", name: "raise_signal", args: []string{number(9)}, canary: died},
		{module: "faulthandler", name: "_sigsegv", canary: died},
		{module: "resource", name: "setrlimit", args: []string{number(0), tuple(number(1), number(1))}, canary: imported},
		{module: "sys", name: "setrecursionlimit", args: []string{number(900)}, canary: changed},
		{module: "sys", name: "setswitchinterval", args: []string{float(2)}, canary: changed},
		{module: "sys", name: "exit", canary: entered, inert: "it is an exception, which the call has as its outcome"},
		{module: "gc", name: "get_objects", canary: entered, inert: "its result cannot be pickled"},
		{module: "threading", name: "Thread", canary: imported, inert: "a thread that is not started does nothing"},
		{module: "atexit", name: "register", args: []string{global("victim", "echo")}, canary: entered},
	} {
		all = append(all, g.attack())
	}
	return all
}

// attack is a call of the gadget as an argument of an honest call.
func (g gadget) attack() attack {
	a := attack{
		name: "gadget-" + g.module + "." + g.name, tries: "calls " + g.module + ":" + g.name + " while the request is read",
		payload: request(after(call(g.module, g.name, g.args...), text("done"))), expect: refused, because: "allow-list", imports: []string{g.module, strings.Split(g.module, ".")[0]},
		canary: g.canary, inert: g.inert, needs: g.needs,
	}
	if g.imports != "" {
		a.imports = append(a.imports, g.imports)
	}
	if a.canary == "" {
		a.canary = touched
	}
	return a
}
