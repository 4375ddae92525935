package wire

import "strings"

// DType is the type of a tensor's elements, as a number that never changes.
type DType uint8

type dtype struct {
	name string // torch's
	size int64  // bytes of one element
}

var dtypes = map[DType]dtype{
	1: {"uint8", 1}, 2: {"int8", 1}, 3: {"int16", 2}, 4: {"int32", 4}, 5: {"int64", 8},
	6: {"float16", 2}, 7: {"float32", 4}, 8: {"float64", 8}, 9: {"bfloat16", 2},
	10: {"complex32", 4}, 11: {"complex64", 8}, 12: {"complex128", 16}, 13: {"bool", 1},
	14: {"uint16", 2}, 15: {"uint32", 4}, 16: {"uint64", 8},
	17: {"float8_e5m2", 1}, 18: {"float8_e4m3fn", 1}, 19: {"float8_e5m2fnuz", 1}, 20: {"float8_e4m3fnuz", 1},
}

var byName = func() map[string]DType {
	m := make(map[string]DType, len(dtypes))
	for d, info := range dtypes {
		m[info.name] = d
	}
	return m
}()

// DTypeOf finds a type by torch's name, "float32".
//
// GIL: not needed
// Thread: any
// Ref: none
// Blocks: no
func DTypeOf(name string) (d DType, ok bool) {
	d, ok = byName[name]
	return d, ok
}

// String is torch's name.
//
// GIL: not needed
// Thread: any
// Ref: none
// Blocks: no
func (d DType) String() string { return dtypes[d].name }

// Size is the bytes of one element; 0 for a type that there is not.
//
// GIL: not needed
// Thread: any
// Ref: none
// Blocks: no
func (d DType) Size() int64 { return dtypes[d].size }

// differentiable: torch refuses requires_grad for the others.
func (d DType) differentiable() bool {
	name := d.String()
	return strings.Contains(name, "float") || strings.Contains(name, "complex")
}
