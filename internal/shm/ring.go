package shm

import "errors"

// A ring is a stream of records, one direction of a connection, in a file of the same kind as bodies have. Only the sender
// writes to the file, but for its head, where both sides have counters that the opposite side waits for. Neither side
// enters the kernel unless the opposite side sleeps. Any thread may read, also the one that waits for the answer, which
// saves waking it.
//
// A record is its length, four bytes with the lowest first, and that many bytes. Positions count all bytes
// there ever were; the ring has those modulo its size.

// ErrInterrupted is what a Read returns after an Interrupt.
var ErrInterrupted = errors.New("shm: the read was interrupted")

// ErrBroken is what a Read returns that finds what no writer writes.
var ErrBroken = errors.New("shm: a broken ring")

const (
	ringSize     = 256 << 10
	ringCapacity = ringStart + ringSize
	ringLength   = 4 // bytes of a record's length

	// In the data, which the sender alone can write.
	ringWritten = 0    // uint64: position up to which there are bytes
	ringStart   = 4096 // the bytes

	// In the head, cache lines apart.
	ringBell    = 64  // uint32: changes when there is something for the reader; it sleeps on it
	ringAsleep  = 128 // uint32: how many readers sleep, or are about to; one of them is to be woken
	ringRead    = 192 // uint64: position up to which the reader has read
	ringRoom    = 256 // uint32: changes when there is something for the writer; it sleeps on it
	ringBlocked = 320 // uint32: the writer waits for room, or is about to
	ringAwake   = 384 // uint32: a reader looks without sleeping: none is to be woken
)
