package policy

import (
	"strings"

	"github.com/gopyrpc/gopyrpc/internal/pyname"
)

// plainNames may be values in every payload: classes whose instances are plain data, as a dtype or a defaultdict's
// factory names them. To call one takes an entry, except as pickle writes such an instance: see forms.
var plainNames = namesOf(`
	builtins Ellipsis NotImplemented bool bytearray bytes complex dict float frozenset int list object range set slice str tuple
	collections Counter OrderedDict defaultdict deque
	datetime date datetime time timedelta timezone
	decimal Decimal
	uuid UUID
`, pyname.Internal+" PythonUDF WorkerInfo", ownExceptions, builtinExceptions)

// ownExceptions are those of the package gopyrpc.
const ownExceptions = pyname.Internal +
	" RemoteError RemoteTraceback SerializeError SerializeAttributeError SerializePicklingError SerializeTypeError" +
	" DeserializeError ForbiddenGlobal RpcError RpcTimeoutError RpcConnectionError UnknownWorker InvalidDestination NoSuchOverload NotAFuture"

// builtinExceptions are those of every CPython that is supported; one that this CPython lacks is an error there.
const builtinExceptions = `
	builtins ArithmeticError AssertionError AttributeError BaseException BaseExceptionGroup BlockingIOError BrokenPipeError
	builtins BufferError BytesWarning ChildProcessError ConnectionAbortedError ConnectionError ConnectionRefusedError
	builtins ConnectionResetError DeprecationWarning EOFError EncodingWarning EnvironmentError Exception ExceptionGroup
	builtins FileExistsError FileNotFoundError FloatingPointError FutureWarning GeneratorExit IOError ImportError
	builtins ImportWarning IndentationError IndexError InterruptedError IsADirectoryError KeyError KeyboardInterrupt
	builtins LookupError MemoryError ModuleNotFoundError NameError NotADirectoryError NotImplementedError OSError
	builtins OverflowError PendingDeprecationWarning PermissionError ProcessLookupError PythonFinalizationError
	builtins RecursionError ReferenceError ResourceWarning RuntimeError RuntimeWarning StopAsyncIteration StopIteration
	builtins SyntaxError SyntaxWarning SystemError SystemExit TabError TimeoutError TypeError UnboundLocalError
	builtins UnicodeDecodeError UnicodeEncodeError UnicodeError UnicodeTranslateError UnicodeWarning UserWarning ValueError
	builtins Warning ZeroDivisionError
`

// namesOf reads lines of a module and names in it.
func namesOf(texts ...string) map[name]bool {
	names := map[name]bool{}
	for _, text := range texts {
		for line := range strings.Lines(text) {
			if fields := strings.Fields(line); len(fields) > 0 {
				for _, qualname := range fields[1:] {
					names[name{fields[0], qualname}] = true
				}
			}
		}
	}
	return names
}
