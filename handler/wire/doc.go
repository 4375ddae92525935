// Package wire is the head of a payload's flat form: what a reader must know before it makes room for
// the rest. It knows nothing of Python.
//
// The flat form, all numbers little-endian:
//
//	offset  size  what
//	0       4     magic "gopW"
//	4       2     version, 1
//	6       2     zero
//	8       8     bytes of the pickle
//	16      4     number of storages, s
//	20      4     number of tensors, t
//	24      8     bytes of the two tables that follow
//	32      8 s   storages: the bytes of each
//	...           tensors, one after the other:
//	  0     1       type of the elements, a [DType]
//	  1     1       flags: 1 for requires_grad
//	  2     2       dimensions, d
//	  4     4       number of the storage
//	  8     8       first element, counted in elements from the start of the storage
//	  16    8 d     sizes
//	  ...   8 d     strides, in elements
//	...           the pickle
//	...           the storages, in their order, nothing between them
//
// Every storage belongs to at least one tensor, and no tensor leaves its storage.
package wire
