// Package shm carries bodies and frames between two processes of one machine, in memory that both have mapped.
// The sender copies a body into a file that only exists in memory (memfd_create) and says in which [Region]; the
// receiver copies the body out, and notes in the file that the region is free again. Regions travel with the other
// frames: on the stream, or through a ring in another such file, a stream of records that any thread may read.
//
// Neither side trusts its peer with more than the bytes themselves:
//
//   - The receiver draws a name (the nonce) that only the sender is told, and opens no file but one of that name.
//   - The files are sealed, so that none can be cut while it is read.
//   - No side depends on a notification: a peer that spoils the futex words delays what it sends itself, and
//     nothing else.
//   - What is read is a private copy, which the sender cannot change after it was checked, unless the reader asks
//     for less (see [Receiver.Lend]).
//
// Only Linux has an implementation. Elsewhere every function returns [errors.ErrUnsupported].
package shm

import (
	"crypto/rand"
	"encoding/hex"
)

// Place says where a body is.
type Region struct {
	PID        int    // of the process that has the file
	FD         int    // its descriptor there, until the receiver has freed it for the first time
	File       uint64 // which of the sender's files it is
	Capacity   int64  // of the file, in bytes, without its head; the same each time
	Generation uint64 // which use of the file it is
}

// NonceSize is the length of a nonce, in bytes.
const NonceSize = 16

// NewNonce draws what the files that a receiver opens are called by.
func NewNonce() []byte {
	nonce := make([]byte, NonceSize)
	_, _ = rand.Read(nonce) // never fails
	return nonce
}

func fileName(nonce []byte) string { return "gopyrpc-" + hex.EncodeToString(nonce) }

const (
	// headSize is the part of a file that the receiver may write: the generation that it has freed. A
	// page, of the largest size that there is.
	headSize = 64 << 10
	// maxFiles bounds the files of a sender, each of which both sides map.
	maxFiles = 128
	minClass = 256 << 10
)

// classOf rounds a size up so that files fit again: four sizes to each doubling.
func classOf(n int64) int64 {
	class := int64(minClass)
	for class < n {
		class *= 2
	}
	for quarter := class / 8; class > minClass && class-quarter >= n; {
		class -= quarter
	}
	return class
}

// copyOut copies src to the segments of dst, one after the other.
func copyOut(dst [][]byte, src []byte) {
	for _, segment := range dst {
		src = src[copy(segment, src):]
	}
}

func sizeOf(body [][]byte) int64 {
	var n int64
	for _, segment := range body {
		n += int64(len(segment))
	}
	return n
}
