package pickle

import (
	"encoding/binary"
	"unicode/utf8"
)

// What objects take in CPython, in bytes: those of 64 bits, the largest of the versions 3.9 to 3.15, with the
// collector's head and rounded up to what its allocator hands out. The bytes of [LargeData] and more do not count: the
// peer has sent each of them.
const (
	sizeOfInt      = 32
	sizeOfFloat    = 32
	sizeOfBytes    = 64 // bytes and bytearray without their content
	sizeOfList     = 80
	sizeOfTuple    = 64
	sizeOfDict     = 80
	sizeOfEntries  = 176 // the first table of a dict
	sizeOfSet      = 240
	sizeOfObject   = 176 // an instance with its dict, or what a call makes
	sizeOfItem     = 10  // of a list, which keeps an eighth more than it has
	sizeOfElement  = 8   // of a tuple
	sizeOfKeyValue = 104 // of a dict that has just grown
	sizeOfMember   = 108 // of a set that has just grown
	sizeOfText     = 64  // a str without its text
	sizeOfWideText = 80  // the same, where not all of it is ASCII
)

// sizeOfStr is what the str of a text takes. It returns false for what is not UTF-8, in which CPython's surrogatepass
// allows surrogates, too.
func sizeOfStr(b []byte) (int64, bool) {
	ascii := 0
	for ascii+8 <= len(b) && binary.LittleEndian.Uint64(b[ascii:])&0x8080808080808080 == 0 {
		ascii += 8
	}
	for ascii < len(b) && b[ascii] < utf8.RuneSelf {
		ascii++
	}
	if ascii == len(b) {
		return sizeOfText + int64(len(b)), true
	}
	count, widest := int64(ascii), rune(0)
	for rest := b[ascii:]; len(rest) > 0; count++ {
		char, size := utf8.DecodeRune(rest)
		if char == utf8.RuneError && size == 1 {
			if !isSurrogate(rest) {
				return 0, false
			}
			char, size = 0xd800, 3
		}
		widest = max(widest, char)
		rest = rest[size:]
	}
	width := int64(4)
	switch {
	case widest < 0x100:
		width = 1
	case widest < 0x10000:
		width = 2
	}
	return sizeOfWideText + width*count, true
}

// isSurrogate says whether b begins with a surrogate in the form of UTF-8.
func isSurrogate(b []byte) bool {
	return len(b) >= 3 && b[0] == 0xed && b[1]&0xe0 == 0xa0 && b[2]&0xc0 == 0x80
}
