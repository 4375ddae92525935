package pickle_test

import (
	"bytes"
	"math/rand/v2"
)

// mutate changes a pickle as one who knows the format would: whole instructions, indices of the memo, lengths, frames.
// The script says what, four bytes a change, so that the fuzzer can learn what is worth it; other is a pickle to take
// pieces of.
func mutate(data, other, script []byte) []byte {
	list, pieces := instructions(data), instructions(other)
	framed := false
	for ; len(script) >= 4 && len(list) > 2; script = script[4:] {
		at := 1 + int(script[1])*(len(list)-1)/256
		with := int(script[2])
		value := script[3]
		switch script[0] % 12 {
		case 0: // another opcode with an argument of the same form
			list[at].op = similar(list[at].op, value)
		case 1:
			list = append(list[:at:at], list[at+1:]...)
		case 2:
			list = insert(list, at, list[with%len(list)])
		case 3:
			to := with % len(list)
			list[at], list[to] = list[to], list[at]
		case 4: // a memo index
			if in := list[at]; in.op == 'h' || in.op == 'q' || in.op == 'K' {
				list[at].argument = []byte{value}
			} else {
				list = insert(list, at, instruction{'h', []byte{value % 8}})
			}
		case 5: // a piece of the other
			if len(pieces) > 0 {
				from := with % len(pieces)
				for i := range min(int(value)%12+1, len(pieces)-from) {
					list = insert(list, at+i, pieces[from+i])
				}
			}
		case 6: // an instruction without an argument
			list = insert(list, at, instruction{op: plain[int(value)%len(plain)]})
		case 7: // a byte of an argument
			if n := len(list[at].argument); n > 0 {
				list[at].argument = bytes.Clone(list[at].argument)
				list[at].argument[with%n] = value
			}
		case 8:
			framed = true
		case 9: // a frame that begins here
			list = insert(list, at, instruction{0x95, []byte{value, 0, 0, 0, 0, 0, 0, 0}})
		case 10: // a run again
			for i := range int(value) % 8 {
				list = insert(list, at+i, list[min(at+2*i, len(list)-1)])
			}
		case 11: // dropped and fetched
			list = insert(list, at, instruction{'h', []byte{value % 8}})
			list = insert(list, at, instruction{op: "01"[with%2]})
		}
	}
	return assemble(list, framed)
}

const plain = "(.012NRabe]sut})\x81\x85\x86\x87\x88\x89\x8f\x90\x91\x92\x93\x94lodQ\x97\x98"

// similar is another opcode whose argument has the same form.
func similar(op, value byte) byte {
	var found []byte
	for other := range 256 {
		if known := byte(other); arguments[known] == arguments[op] && (arguments[known] != 0 || bytes.IndexByte([]byte(plain), known) >= 0) {
			found = append(found, known)
		}
	}
	if len(found) == 0 {
		return op
	}
	return found[int(value)%len(found)]
}

func insert(list []instruction, at int, in instruction) []instruction {
	at = min(at, len(list))
	return append(list[:at:at], append([]instruction{in}, list[at:]...)...)
}

// scripts are some to begin with.
func scripts(count int) [][]byte {
	rng := rand.New(rand.NewPCG(18, 1))
	found := make([][]byte, count)
	for i := range found {
		found[i] = make([]byte, 4*(1+rng.IntN(3)))
		for j := range found[i] {
			found[i][j] = byte(rng.Uint32())
		}
	}
	return found
}
