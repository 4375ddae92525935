package pybridge

// Tuple is a Python tuple.
type Tuple []any

// Set is a Python set; FrozenSet a frozenset. Items are in no particular order and, as Go has no
// hash of its own for all of them, in a slice.
type (
	Set       []any
	FrozenSet []any
)

// Dict is a Python dict: its items in order. Keys may be anything that Python can hash, tuples too,
// which no Go map could hold; use As[map[K]V] where the types are known.
type Dict []DictItem

// DictItem is one key and its value.
type DictItem struct{ Key, Value any }

// Get finds the value of a string key.
//
//   - GIL: not needed
//   - Thread: any
//   - Ref: none
//   - Blocks: no
func (d Dict) Get(key string) (any, bool) {
	for _, item := range d {
		if item.Key == key {
			return item.Value, true
		}
	}
	return nil, false
}

// ByteArray is a Python bytearray; []byte is bytes.
type ByteArray []byte

// Memory is memory of Go's that Python reads where it is: [ToPython] makes a read-only memoryview of it, of unsigned
// bytes in one dimension (CPython's nearest is PyMemoryView_FromMemory, whose memory has no owner). Data must neither
// change nor go before Release, which is called once, with the GIL held, on any thread, when nothing in Python can reach
// the memory any more, also where no memoryview came of it; it must not wait, nor enter Python. A process that ends
// without finalising calls none.
type Memory struct {
	Data    []byte
	Release func()
}
