package pickle

import "unsafe"

// uses is what a pickle's writer keeps about the nodes that can be shared: a table beside the tree, so that a tree
// is not written to, and several goroutines can write trees that have nodes in common. It has no pointers: the tree keeps
// its nodes, which do not move, and a table without pointers costs the collector nothing, and little to clear.
type uses struct {
	table []use
	count int
	shift uint8 // 64 less the bits of an index
}

// use is about one node.
type use struct {
	node  uintptr // its address; 0 where the entry is free
	times int32   // that the pickle refers to it
	memo  int32   // its index in the memo, plus 1; 0 while it is not there
	state visitState
}

// visitState is how far the counting has come with a node.
type visitState uint8

const (
	unseen      visitState = iota
	within                 // among its items
	holdsItself            // within, and its items have been counted twice
	counted
)

const firstTable = 5 // bits

// find returns the entry of a node, which is new with a count of zero. The entry is good until another node is new.
func (u *uses) find(n *Node) *use {
	if len(u.table) == 0 {
		u.grow()
	}
	at := uintptr(unsafe.Pointer(n))
	for i := u.slot(at); ; i = (i + 1) & (len(u.table) - 1) {
		switch e := &u.table[i]; e.node {
		case at:
			return e
		case 0:
			if u.count >= len(u.table)/2 {
				u.grow()
				return u.find(n)
			}
			e.node = at
			u.count++
			return e
		}
	}
}

// slot is where the search for a node begins.
func (u *uses) slot(node uintptr) int {
	return int(uint64(node) * 0x9e3779b97f4a7c15 >> u.shift)
}

func (u *uses) grow() {
	old := u.table
	if len(old) == 0 {
		u.shift = 64 - firstTable
		u.table = make([]use, 1<<firstTable)
		return
	}
	u.shift--
	u.table = make([]use, 2*len(old))
	for _, e := range old {
		if e.node == 0 {
			continue
		}
		i := u.slot(e.node)
		for u.table[i].node != 0 {
			i = (i + 1) & (len(u.table) - 1)
		}
		u.table[i] = e
	}
}

// reset forgets all nodes.
func (u *uses) reset() {
	if len(u.table) > 1<<8 { // which would take longer to clear than a small pickle to write
		*u = uses{}
		return
	}
	clear(u.table)
	u.count = 0
}
