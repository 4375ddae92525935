package cpython

/*
#include <stdlib.h>
#include "bridge.h"
*/
import "C"

import "unsafe"

// FromInt gives a new int.
func FromInt(v int64) (Ref, error) { return asRef(C.cpy_from_int(C.int64_t(v))) }

// FromUint gives a new int.
func FromUint(v uint64) (Ref, error) { return asRef(C.cpy_from_uint(C.uint64_t(v))) }

// FromHex gives a new int of any size from hexadecimal digits with an optional sign.
func FromHex(digits string) (Ref, error) {
	p := C.CString(digits)
	defer C.free(unsafe.Pointer(p))
	return asRef(C.cpy_from_hex(p))
}

// FromFloat gives a new float.
func FromFloat(v float64) (Ref, error) { return asRef(C.cpy_from_float(C.double(v))) }

// FromComplex gives a new complex.
func FromComplex(v complex128) (Ref, error) {
	return asRef(C.cpy_from_complex(C.double(real(v)), C.double(imag(v))))
}

// FromString gives a new str. s is UTF-8 in which a lone surrogate may stand as three bytes; anything
// else that is not UTF-8 raises UnicodeDecodeError.
func FromString(s string) (Ref, error) { return asRef(C.cpy_from_str(chars(s))) }

// FromBytes gives a new bytes object with a copy of b.
func FromBytes(b []byte) (Ref, error) {
	return asRef(C.cpy_from_bytes(unsafe.Pointer(unsafe.SliceData(b)), C.Py_ssize_t(len(b))))
}

// FromByteArray gives a new bytearray with a copy of b.
func FromByteArray(b []byte) (Ref, error) {
	return asRef(C.cpy_from_bytearray(unsafe.Pointer(unsafe.SliceData(b)), C.Py_ssize_t(len(b))))
}

// AsInt gives the value of an int; ok is false when it does not fit 64 bits.
func AsInt(o Ref) (v int64, ok bool, err error) {
	var overflow C.int
	v, err = asInt(C.cpy_as_int(pyObject(o), &overflow))
	return v, overflow == 0, err
}

// AsHex gives an int of any size as Python's hex() prints it: sign, 0x, digits.
func AsHex(o Ref) (string, error) { return spanString(C.cpy_as_hex(pyObject(o))) }

// AsFloat is PyFloat_AsDouble.
func AsFloat(o Ref) (float64, error) {
	r := C.cpy_as_float(pyObject(o))
	return float64(r.re), statusError(r.status, r.ref)
}

// AsComplex gives the real and imaginary parts.
func AsComplex(o Ref) (complex128, error) {
	r := C.cpy_as_complex(pyObject(o))
	return complex(float64(r.re), float64(r.im)), statusError(r.status, r.ref)
}

// AsString copies a str out as UTF-8, a lone surrogate as the three bytes that [FromString] takes.
func AsString(o Ref) (string, error) { return spanString(C.cpy_as_utf8(pyObject(o))) }

// AsBytes copies a bytes or bytearray object out.
func AsBytes(o Ref) ([]byte, error) {
	s := C.cpy_as_bytes(pyObject(o))
	if s.status != C.CPY_OK {
		return nil, statusError(s.status, s.owner)
	}
	b := make([]byte, s.len)
	copy(b, unsafe.Slice((*byte)(unsafe.Pointer(s.data)), s.len))
	return b, DecRef(newRef(s.owner))
}

func spanString(s C.cpy_span) (string, error) {
	if s.status != C.CPY_OK {
		return "", statusError(s.status, s.owner)
	}
	text := string(unsafe.Slice((*byte)(unsafe.Pointer(s.data)), s.len))
	return text, DecRef(newRef(s.owner))
}
