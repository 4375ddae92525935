package policy_test

import (
	"testing"
)

// smallCall is PythonUDF(operator.add, (1, 2), {}) as protocol 5 has it.
var smallCall = [][]byte{[]byte("\x80\x05\x95\x3e\x00\x00\x00\x00\x00\x00\x00\x8c\x10gopyrpc.internal\x94\x8c\x09PythonUDF\x94\x93\x94\x8c\x09_operator\x94\x8c\x03add\x94\x93\x94K\x01K\x02\x86\x94}\x94\x87\x94\x81\x94.")}

// BenchmarkRequest is what a small call costs here that is let in.
func BenchmarkRequest(b *testing.B) {
	p := newPolicy(b, "_operator")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.Request(smallCall); err != nil {
			b.Fatal(err)
		}
	}
}
