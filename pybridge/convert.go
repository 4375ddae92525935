package pybridge

import (
	"fmt"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/internal/cpython"
)

// maxDepth bounds the nesting of converted values, so that a list that holds itself is an error.
const maxDepth = 1000

// ConversionError says which part of a value has no counterpart on the other side.
type ConversionError struct {
	Path   string // into the value, as in [2]["key"]; empty for the value itself
	From   string // the type that was found
	To     string // the type that was wanted; empty when any would do
	Reason string
}

func (e *ConversionError) Error() string {
	where := ""
	if e.Path != "" {
		where = " at " + e.Path
	}
	to := ""
	if e.To != "" {
		to = " to " + e.To
	}
	return fmt.Sprintf("cannot convert %s%s%s: %s", e.From, to, where, e.Reason)
}

// within puts the step that was taken into a value in front of the error's path.
func within(err error, step string) error {
	if e, ok := err.(*ConversionError); ok {
		e.Path = step + e.Path
	}
	return err
}

// ToPython makes a new Python object of a Go value: nil is None; bool, the integers, *big.Int, the
// floats, the complex numbers and string are what one expects; []byte is bytes, [ByteArray]
// bytearray, other slices and arrays list; [Tuple], [Set], [FrozenSet] and [Dict] are their
// namesakes; maps are dict, map[K]struct{} set; [Memory] is a memoryview; pointers stand for what they point to; an
// [Object] is itself. A string is UTF-8 in which a lone surrogate may stand as three bytes. Everything else is a
// [ConversionError].
//
//   - GIL: held
//   - Thread: the token's
//   - Ref: new
//   - Blocks: user code only where an item's hash is user code
func ToPython(t gil.Token, v any) (*Object, error) {
	t.Assert()
	ref, err := toRef(v)
	if err != nil {
		return nil, captured(t, err)
	}
	return adopt(ref, fmt.Sprintf("converted %T", v)), nil
}

// As makes a Go value of a Python object. T any gives nil, bool, int64 or *big.Int, float64,
// complex128, string, []byte, [ByteArray], []any, [Tuple], [Dict], [Set] or [FrozenSet], subclasses
// like their bases; any other object is an error. Other T take what fits them: sized integers in
// range, floats in range and from ints that they hold exactly, slices and arrays from list and tuple,
// maps from dict, map[K]struct{} from set and frozenset, *T from None as nil, and *[Object] anything
// (a new reference; none when the conversion fails).
//
//   - GIL: held
//   - Thread: the token's
//   - Ref: none, but for *Object: new
//   - Blocks: user code only where a subclass redefines iteration
func As[T any](t gil.Token, o *Object) (T, error) {
	return plain(t, o, func(r cpython.Ref) (T, error) {
		var v, zero T
		if err := into(r, &v); err != nil {
			return zero, err
		}
		return v, nil
	})
}
