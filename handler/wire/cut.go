package wire

import "fmt"

// Where a cut may begin: at a multiple of every element's size, and of what vector instructions like.
const alignment = 64

// Cut reduces storages of the given sizes to what h's tensors show of them: it sets h.Storages, moves
// the tensors' offsets, and gives the byte at which each storage's part begins.
//
// GIL: not needed
// Thread: any
// Ref: none
// Blocks: no
func (h *Head) Cut(sizes []int64) (starts []int64, err error) {
	starts, h.Storages = make([]int64, len(sizes)), make([]int64, len(sizes))
	ends, shown := make([]int64, len(sizes)), make([]bool, len(sizes))
	for i := range h.Tensors {
		t := &h.Tensors[i]
		if t.Storage < 0 || t.Storage >= len(sizes) {
			return nil, fmt.Errorf("tensor %d: there is no storage %d", i, t.Storage)
		}
		s := t.Storage
		if what := t.wrong(sizes[s]); what != "" {
			return nil, fmt.Errorf("tensor %d: %s", i, what)
		}
		from, to, _ := t.Extent()
		if to == 0 {
			continue
		}
		from -= from % alignment
		if !shown[s] || from < starts[s] {
			starts[s] = from
		}
		shown[s], ends[s] = true, max(ends[s], to)
	}
	for s := range sizes {
		h.Storages[s] = ends[s] - starts[s]
	}
	for i := range h.Tensors {
		t := &h.Tensors[i]
		if _, to, _ := t.Extent(); to > 0 {
			t.Offset -= starts[t.Storage] / t.DType.Size()
		}
	}
	return starts, nil
}
