package pickle_test

import (
	"bytes"
	"encoding/binary"
)

// instruction is an opcode with its argument, as it stands in a pickle.
type instruction struct {
	op       byte
	argument []byte
}

// arguments has the opcodes with an argument: of how many bytes, or with minus, of how many bytes the length is; of
// lines, how many, as lines1 and lines2. Others have none.
var arguments = map[byte]int{
	0x80: 1, 0x95: 8, 'K': 1, 'M': 2, 'J': 4, 'G': 8, 'h': 1, 'j': 4, 'q': 1, 'r': 4, 0x82: 1, 0x83: 2, 0x84: 4,
	0x8a: -1, 0x8b: -4, 0x8c: -1, 'X': -4, 0x8d: -8, 'C': -1, 'B': -4, 0x8e: -8, 0x96: -8, 'U': -1, 'T': -4,
	'c': lines2, 'i': lines2, 'F': lines1, 'I': lines1, 'L': lines1, 'P': lines1, 'S': lines1, 'V': lines1, 'g': lines1, 'p': lines1,
}

const (
	lines1 = 100
	lines2 = 200
)

// instructions takes a pickle apart as far as it can be read.
func instructions(data []byte) []instruction {
	var found []instruction
	for len(data) > 0 {
		op := data[0]
		size, ok := argumentSize(op, data[1:])
		if !ok || size > len(data)-1 {
			return found
		}
		found = append(found, instruction{op, data[1 : 1+size]})
		data = data[1+size:]
	}
	return found
}

func argumentSize(op byte, rest []byte) (int, bool) {
	switch width := arguments[op]; {
	case width == lines1 || width == lines2:
		size := 0
		for range width / lines1 {
			end := bytes.IndexByte(rest[size:], '\n')
			if end < 0 {
				return 0, false
			}
			size += end + 1
		}
		return size, true
	case width < 0:
		if len(rest) < -width {
			return 0, false
		}
		var wide [8]byte
		copy(wide[:], rest[:-width])
		length := binary.LittleEndian.Uint64(wide[:])
		return -width + int(min(length, 1<<40)), true
	default:
		return width, true
	}
}

// assemble joins instructions. With framed it leaves their frames out, and gives them one.
func assemble(list []instruction, framed bool) []byte {
	var data []byte
	for _, in := range list {
		if !framed || in.op != 0x95 && in.op != 0x80 {
			data = append(append(data, in.op), in.argument...)
		}
	}
	if !framed {
		return data
	}
	protocol := byte(5)
	if len(list) > 0 && list[0].op == 0x80 {
		protocol = list[0].argument[0]
	}
	head := []byte{0x80, protocol}
	if protocol >= 4 {
		head = binary.LittleEndian.AppendUint64(append(head, 0x95), uint64(len(data)))
	}
	return append(head, data...)
}
