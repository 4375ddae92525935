// Package pytest gives tests a running Python. It is imported by tests only.
//
// A test binary has one interpreter, as every process has:
//
//	func TestMain(m *testing.M) { pytest.Main(m) }
//
//	func TestSqrt(t *testing.T) {
//		pytest.With(t, func(tok gil.Token) {
//			root := pytest.Eval(t, tok, "__import__('math').sqrt(2)")
//			…
//		})
//	}
//
// What ends the interpreter, crashes, forks or changes signals runs in a process of its own:
//
//	func init() { pytest.Register("finalize twice", func() int { … }) }
//
//	func TestFinalizeTwice(t *testing.T) {
//		stdout, stderr, code := pytest.Script(t, "finalize twice")
//		…
//	}
package pytest
