package pickle

import (
	"encoding/binary"
	"math"
	"math/big"
	"slices"
)

// integer writes an int in its shortest form.
func (w *writer) integer(n *Node) {
	if n.Big != nil {
		w.long(twosComplementOf(n.Big))
		return
	}
	switch v := n.Int; {
	case v >= 0 && v < 1<<8:
		w.out = append(w.out, opBinInt1, byte(v))
	case v >= 0 && v < 1<<16:
		w.out = binary.LittleEndian.AppendUint16(append(w.out, opBinInt2), uint16(v))
	case v >= math.MinInt32 && v <= math.MaxInt32:
		w.out = binary.LittleEndian.AppendUint32(append(w.out, opBinInt), uint32(v))
	default:
		w.out = binary.LittleEndian.AppendUint64(append(w.out, opLong1, 8), uint64(v))
	}
}

// long writes an int that is given in two's complement.
func (w *writer) long(b []byte) {
	if len(b) < 1<<8 {
		w.out = append(w.out, opLong1, byte(len(b)))
	} else {
		w.out = binary.LittleEndian.AppendUint32(append(w.out, opLong4), uint32(len(b)))
	}
	w.out = append(w.out, b...)
}

// twosComplementOf encodes an integer, the least byte first, with room for its sign.
func twosComplementOf(n *big.Int) []byte {
	size := n.BitLen()/8 + 1
	value := n
	if n.Sign() < 0 {
		value = new(big.Int).Add(n, new(big.Int).Lsh(big.NewInt(1), uint(8*size)))
	}
	b := value.FillBytes(make([]byte, size))
	slices.Reverse(b)
	return b
}

// bytes writes a bytes or a bytearray, a large one beside the pickle.
func (w *writer) bytes(n *Node) {
	size := dataSize(n)
	switch {
	case size >= LargeData:
		w.op(opNextBuffer)
		w.buffers = append(w.buffers, Buffer{Mutable: n.Kind == ByteArray, Data: n.Data})
		return
	case n.Kind == ByteArray:
		w.out = binary.LittleEndian.AppendUint64(append(w.out, opByteArray8), uint64(size))
	case size < 1<<8:
		w.out = append(w.out, opShortBinBytes, byte(size))
	default:
		w.out = binary.LittleEndian.AppendUint32(append(w.out, opBinBytes), uint32(size))
	}
	for _, part := range n.Data {
		w.out = append(w.out, part...)
	}
}
