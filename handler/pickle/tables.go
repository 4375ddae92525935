package pickle

// The tables of CPython's dict and set, in which only hashes are kept. Where a hash comes to lie, and which places are
// looked at on the way, is a matter of the hashes alone: so the work of the real table is counted before it is done.
// The rules are those of every version from 3.9 to 3.15.

// table is what both have in common.
type table struct {
	places  []uint64 // hashes, or free
	used    int
	visits  int // of places that were not free
	objects int // keys of unknown hash, which are not in the table

	compared int // nodes of keys, as often as they are compared with those of another key
}

const (
	free         = ^uint64(0) // -1, which is no hash in CPython
	smallTable   = 8
	perturbShift = 5
	visitsPerKey = 160 // random hashes need two; fractions of a power of two 47; ints that differ above bit 52 only, 113
)

func newPlaces(size int) []uint64 {
	places := make([]uint64, size)
	for i := range places {
		places[i] = free
	}
	return places
}

// dictTable is a dict's: probing is open, and driven by all of the hash.
type dictTable struct {
	table
	order []uint64 // in which the hashes came
}

// add adds a hash and returns how many equal ones were met.
func (t *dictTable) add(hash uint64) int {
	if t.used == 2*len(t.places)/3 {
		t.places = newPlaces(max(smallTable, 2*len(t.places)))
		for _, h := range t.order {
			t.place(h)
		}
	}
	t.used++
	t.order = append(t.order, hash)
	return t.place(hash)
}

func (t *dictTable) place(hash uint64) int {
	mask, equal := uint64(len(t.places)-1), 0
	i := hash & mask
	for perturb := hash; t.places[i] != free; {
		t.visits++
		if t.places[i] == hash {
			equal++
		}
		perturb >>= perturbShift
		i = (5*i + perturb + 1) & mask
	}
	t.places[i] = hash
	return equal
}

// setTable is a set's: a few neighbours are looked at before the next jump.
type setTable struct{ table }

const neighbours = 9

// add adds a hash and returns how many equal ones were met.
func (t *setTable) add(hash uint64) int {
	if len(t.places) == 0 {
		t.places = newPlaces(smallTable)
	}
	equal := t.place(hash)
	t.used++
	if mask := len(t.places) - 1; 5*t.used >= 3*mask {
		wanted := 4 * t.used
		if t.used > 50_000 {
			wanted = 2 * t.used
		}
		size := smallTable
		for size <= wanted {
			size *= 2
		}
		old := t.places
		t.places = newPlaces(size)
		for _, h := range old {
			if h != free {
				t.place(h)
			}
		}
	}
	return equal
}

func (t *setTable) place(hash uint64) int {
	mask, equal := uint64(len(t.places)-1), 0
	i := hash & mask
	for perturb := hash; ; {
		t.visits++ // of neighbours, which lie in one or two lines of the cache
		last := i
		if i+neighbours <= mask {
			last += neighbours
		}
		for at := i; at <= last; at++ {
			if t.places[at] == free {
				t.places[at] = hash
				return equal
			}
			if t.places[at] == hash {
				equal++
			}
		}
		perturb >>= perturbShift
		i = (5*i + 1 + perturb) & mask
	}
}
