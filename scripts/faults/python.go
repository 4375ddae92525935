package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"

	"github.com/gopyrpc/gopyrpc/handler"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// outcome is a fault's function that makes a call whose value or error must contain text.
func outcome(text, name string, args ...any) func(*probe) {
	return usual(func(w *world) { w.outcome(text, name, args...) })
}

func (w *world) outcome(text, name string, args ...any) {
	v, err := w.call(name, args...)
	got := fmt.Sprint(v)
	if err != nil {
		got = err.Error()
	}
	w.check(strings.Contains(got, text), "%q does not contain %q", cut(got), text)
	w.did("%s", cut(got))
}

func cut(s string) string { return s[:min(len(s), 160)] }

// exitFaults are functions that try to end the process.
func exitFaults() []fault {
	const answer = "an answer to the caller that names it; the process goes on"
	return []fault{
		{name: "exit-sys-exit", injected: "sys.exit(3)", must: answer, do: outcome("SystemExit", "exits", 3)},
		{name: "exit-keyboard-interrupt", injected: "raise KeyboardInterrupt", must: answer, do: outcome("KeyboardInterrupt", "raises", "KeyboardInterrupt")},
		{name: "exit-generator-exit", injected: "raise GeneratorExit", must: answer, do: outcome("GeneratorExit", "raises", "GeneratorExit")},
		{name: "exit-os-exit", injected: "os._exit(9)", must: "status 9, by request", status: 9, do: usual(func(w *world) { _, _ = w.call("os_exit", 9) })},
		crash("exit-abort", "os.abort()", 134, "SIGABRT", "abort"),
		crash("exit-segfault", "C code reads address 0", 139, "SIGSEGV", "segfault"),
		crash("exit-abort-thread", "os.abort() on a thread that Python made", 134, "SIGABRT", "on_thread", "abort"),
		crash("exit-segfault-thread", "C code reads address 0, on a thread that Python made", 139, "SIGSEGV", "on_thread", "segfault"),
	}
}

// crash is a fault that ends the process from C code, inside the last function that is named.
func crash(name, injected string, status int, signal string, functions ...string) fault {
	inside := functions[len(functions)-1]
	var args []any
	for _, f := range functions[1:] {
		args = append(args, f)
	}
	return fault{name: name, injected: injected, must: "no status of success; the signal, and Python's stack with the function, on stderr",
		among: []int{2, status}, stderr: []string{"gopyrpc: " + signal, " in " + inside + "\n"},
		do: usual(func(w *world) { _, _ = w.call(functions[0], args...) })}
}

// exceptionFaults are exceptions and objects whose own methods misbehave.
func exceptionFaults() []fault {
	const answer = "an answer to the caller; the process goes on"
	return []fault{
		{name: "exception-hostile-text", injected: "an exception whose __str__ and __repr__ raise", must: answer, do: outcome("HostileText", "hostile", "HostileText")},
		{name: "exception-exiting-text", injected: "an exception whose __str__ calls sys.exit", must: answer, do: outcome("HostileExit", "hostile", "HostileExit")},
		{name: "exception-no-text", injected: "an exception whose __str__ gives a number", must: answer, do: outcome("NoText", "hostile", "NoText")},
		{name: "exception-hostile-class", injected: "an exception whose class hides its name", must: answer, do: outcome("", "hostile", "HostileName")},
		{name: "exception-hostile-del", injected: "1,000 objects whose __del__ raises", must: "the result", do: outcome("survived", "hostile_del", 1000)},
		{name: "exception-generator-end", injected: "a generator whose finally raises when it is collected", must: "the result", do: outcome("left", "leaves_generator")},
		{name: "exception-odd-text", injected: "a message with a NUL and the last code point", must: answer, do: outcome("ValueError", "raises", "ValueError", "a\x00b\U0010ffff")},
		{name: "exception-large", injected: "a message of 8 MB", must: answer, do: outcome("ValueError", "raises", "ValueError", strings.Repeat("x", 8<<20))},
		{name: "recursion-plain", injected: "recursion without end, default limit", must: "RecursionError", do: outcome("RecursionError", "deep")},
		{name: "recursion-getattr", injected: "recursion in __getattr__, default limit", must: "RecursionError", do: outcome("RecursionError", "deep_attribute")},
		{name: "recursion-repr", injected: "repr of a list nested 100,000 deep", must: "RecursionError", do: outcome("RecursionError", "deep_repr")},
	}
}

// poisonFaults spoil what all code of an interpreter shares.
func poisonFaults() []fault {
	const answer = "that call and the next are answered"
	return []fault{
		{name: "poison-modules", injected: "sys.modules.clear()", must: answer, do: outcome("nil", "clear_modules")},
		{name: "poison-import", injected: "builtins.__import__ = None", must: answer, do: outcome("nil", "no_import")},
		{name: "poison-builtins", injected: "len, isinstance, type … deleted from builtins", must: answer, do: outcome("nil", "no_builtins")},
		{name: "poison-streams-closed", injected: "sys.stdout and sys.stderr closed", must: answer, do: outcome("nil", "close_streams")},
		{name: "poison-streams-none", injected: "sys.stdout and sys.stderr None", must: answer, do: outcome("nil", "no_streams")},
		{name: "poison-descriptor-closed", injected: "descriptor 0 closed", must: answer, do: outcome("nil", "close_descriptor", 0)},
		{name: "poison-descriptor-replaced", injected: "descriptor 2 replaced by /dev/null", must: answer, do: outcome("nil", "replace_descriptor", 2)},
		{name: "poison-trace", injected: "a trace function that raises", must: answer, do: outcome("", "tracing")},
		{name: "poison-directory", injected: "the current directory is removed", must: answer, do: outcome("gone", "changes_directory")},
		{name: "poison-threads", injected: "50 daemon threads left behind", must: answer, do: outcome("50", "threads", 50)},
		{name: "poison-subprocess", injected: "a program is run", must: "its output", do: outcome("from a child", "runs_program")},
		{name: "poison-fork-asked", injected: "a function calls os.fork", must: "RuntimeError, which names what to do instead", do: outcome("refused", "asks_for_fork")},
		{name: "poison-fork", injected: "native code forks, and the child raises", must: "the child ends by itself, with no status of success; the parent's call is answered",
			do: outcome("the child failed", "forks")},
		{name: "poison-memory", injected: "2^62 bytes are asked for", must: "MemoryError", do: outcome("MemoryError", "allocate", int64(1)<<62)},
		{name: "poison-memory-limit", injected: "512 MB are asked for under a limit of address space", must: "MemoryError; the next call is answered", do: outcome("MemoryError", "limited", int64(1)<<29)},
	}
}

// payloadFaults are requests that no honest peer sends.
func payloadFaults() []fault {
	const refused = "DeserializeError; the process goes on"
	return []fault{
		{name: "payload-garbage", injected: "300 random payloads", must: refused, do: usual(func(w *world) {
			r := rand.New(rand.NewPCG(1, 2))
			for range 300 {
				data := make([]byte, 1+r.IntN(200))
				for i := range data {
					data[i] = byte(r.Uint32())
				}
				w.refused(data)
			}
			w.did("300 refused")
		})},
		{name: "payload-truncated", injected: "a good payload cut at every length", must: refused, do: usual(func(w *world) {
			good := w.innocent().Data
			for n := range good {
				w.refused(good[:n])
			}
			w.did("%d refused", len(good))
		})},
		{name: "payload-huge-claims", injected: "payloads that claim 2^31 to 2^63 bytes, items, frames, memo indices", must: refused, do: usual(func(w *world) {
			for _, claim := range hugeClaims {
				w.refused([]byte(claim))
			}
			w.did("%d refused", len(hugeClaims))
		})},
		{name: "payload-deep", injected: "a payload nested 100,000 deep", must: "an error; the process goes on", do: usual(func(w *world) {
			w.refused([]byte("\x80\x04" + strings.Repeat("(", 100000) + strings.Repeat("l", 100000) + "."))
			w.did("refused")
		})},
		{name: "payload-too-large", injected: "a payload above WithMaxPayload", must: "ErrTooLarge, Python not entered", do: usual(func(w *world) {
			h, err := handler.New(background, w.rt, handler.WithMaxPayload(100))
			w.must(err)
			_, err = h.RunUDF(background, handler.Payload{Data: make([]byte, 101)})
			w.checkIs(err, handler.ErrTooLarge, "RunUDF")
			w.did("%v", err)
		})},
		{name: "payload-not-allowed", injected: "os.system under WithAllow(\"math.*\")", must: "refused before anything runs", do: usual(func(w *world) {
			h, err := handler.New(background, w.rt, handler.WithAllow("math.*"))
			w.must(err)
			file := w.folder() + "/touched"
			_, err = h.RunUDF(background, handler.Payload{Data: []byte("cos\nsystem\n(S'touch " + file + "'\ntR.")})
			w.checkIs(err, handler.DeserializeError, "RunUDF")
			_, statErr := os.Stat(file)
			w.checkIs(statErr, os.ErrNotExist, "what the payload makes")
			w.did("%v", err)
		})},
		{name: "payload-no-result", injected: "a function that returns a lambda", must: "SerializeError", do: usual(func(w *world) {
			_, err := w.call("unpicklable")
			w.checkIs(err, handler.SerializeError, "RunUDF")
			w.did("%v", err)
		})},
	}
}

// refused checks that a payload has no outcome. A payload that is, by chance, a pickle of another value than a
// PythonUDF has the outcome that it is no PythonUDF.
func (w *world) refused(data []byte) {
	result, err := w.h.RunUDF(background, handler.Payload{Data: data})
	if err == nil {
		_, err = w.open(result)
		var e *pybridge.Error
		w.check(errors.As(err, &e), "%.40q had a result", data)
		return
	}
	w.checkIs(err, handler.DeserializeError, fmt.Sprintf("%.40q", data))
}

var hugeClaims = []string{
	"\x80\x04\x8e\xff\xff\xff\xff\xff\xff\xff\x7f.",      // BINBYTES8
	"\x80\x04\x8d\xff\xff\xff\xff\xff\xff\xff\x7f.",      // BINUNICODE8
	"\x80\x05\x96\xff\xff\xff\xff\xff\xff\xff\x7f.",      // BYTEARRAY8
	"\x80\x05\x96\x00\x00\x00\x00\x00\x00\x00\x40.",      // BYTEARRAY8, 2^62
	"\x80\x04\x95\xff\xff\xff\xff\xff\xff\xff\x7fN.",     // FRAME
	"\x80\x04B\xff\xff\xff\xff.",                         // BINBYTES
	"\x80\x04X\xff\xff\xff\xff.",                         // BINUNICODE
	"\x80\x04T\xff\xff\xff\x7f.",                         // BINSTRING
	"\x80\x04\x8b\xff\xff\xff\x7f.",                      // LONG4
	"\x80\x04j\xff\xff\xff\x7f.",                         // LONG_BINGET
	"\x80\x05\x97.",                                      // NEXT_BUFFER
	"\x80\x04I99999999999999999999999999999999999999\n.", // INT, a number and no function
	"\x80\xff.", // a protocol of the future
}
