package pickle_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/handler/pickle"
)

// small is a call of a function with three arguments, as CPython's pickler writes it: 71 bytes, 12 nodes.
const small = "\x80\x05\x95\x3c\x00\x00\x00\x00\x00\x00\x00\x8c\x04jobs\x94\x8c\x08transfer\x94\x93\x94K\x01G@\x04\x00\x00\x00\x00\x00\x00" +
	"\x8c\x0chello, world\x94\x87\x94}\x94\x8c\x01k\x94K\x05s\x87\x94."

func BenchmarkReadSmall(b *testing.B) {
	parts := [][]byte{[]byte(small)}
	b.SetBytes(int64(len(small)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := pickle.Read(parts, pickle.Limits{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkWriteSmall(b *testing.B) {
	tree := read(b, small)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := pickle.Write(tree); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkReadAndWriteSmall(b *testing.B) {
	parts := [][]byte{[]byte(small)}
	b.ReportAllocs()
	for b.Loop() {
		tree, err := pickle.Read(parts, pickle.Limits{})
		if err == nil {
			_, err = pickle.Write(tree)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRefused(b *testing.B) {
	parts := [][]byte{[]byte(small[:len(small)-1] + "b.")}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := pickle.Read(parts, pickle.Limits{}); err == nil {
			b.Fatal("read")
		}
	}
}

// A body of 1 MiB is neither copied nor looked at.
func BenchmarkReadAndWriteLargeBytes(b *testing.B) {
	body := bytes.Repeat([]byte("x"), 1<<20)
	parts := [][]byte{[]byte("\x80\x05\x95\x01\x00\x00\x00\x00\x00\x00\x00(\x8e\x00\x00\x10\x00\x00\x00\x00\x00"), body, []byte("t.")}
	b.ReportAllocs()
	for b.Loop() {
		tree, err := pickle.Read(parts, pickle.Limits{})
		require.NoError(b, err)
		_, err = pickle.Write(tree)
		require.NoError(b, err)
	}
}

func BenchmarkReadAndWriteManyNodes(b *testing.B) {
	data := append(append([]byte("\x80\x04]("), bytes.Repeat([]byte("J1234\x8c\x05hello}\x8c\x01kNs"), 10_000)...), "e."...)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		tree, err := pickle.Read([][]byte{data}, pickle.Limits{})
		require.NoError(b, err)
		_, err = pickle.Write(tree)
		require.NoError(b, err)
	}
}

func BenchmarkReadIntKeys(b *testing.B) {
	data := []byte("\x80\x04}(")
	for i := range 10_000 {
		data = append(data, 'M', byte(i), byte(i>>8), 'N')
	}
	data = append(data, "u."...)
	b.ReportAllocs()
	for b.Loop() {
		_, err := pickle.Read([][]byte{data}, pickle.Limits{})
		require.NoError(b, err)
	}
}
