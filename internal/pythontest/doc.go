// Package pythontest gives tests a running Python. It is imported by tests only.
//
// A test binary has one interpreter, as every process has:
//
//	func TestMain(m *testing.M) { pythontest.Main(m) }
//
//	func TestSqrt(t *testing.T) {
//		pythontest.With(t, func(tok gil.Token) {
//			root := pythontest.Eval(t, tok, "__import__('math').sqrt(2)")
//			…
//		})
//	}
//
// What ends the interpreter, crashes, forks or changes signals runs in a process of its own:
//
//	func init() { pythontest.Register("finalize twice", func() int { … }) }
//
//	func TestFinalizeTwice(t *testing.T) {
//		stdout, stderr, code := pythontest.Script(t, "finalize twice")
//		…
//	}
package pythontest
