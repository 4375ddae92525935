package policy

import (
	"math/big"
	"regexp"
	"strconv"

	"github.com/gopyrpc/gopyrpc/handler/pickle"
)

// Of a Decimal: what int() of it has no more digits than. CPython itself prints ints of up to 4,300.
const (
	maxDigits   = 4300
	maxExponent = 10_000

	shortNumber   = 64      // characters of a Decimal that does not count
	maxCharacters = 4 << 20 // of all longer Decimals of a payload: one text can be that of many, and each takes 300 microseconds
)

var decimal = regexp.MustCompile(`^[+-]?(?:Infinity|s?NaN[0-9]*|([0-9]+)(?:\.([0-9]*))?(?:[Ee]([+-]?[0-9]{1,6}))?)$`)

// makeDecimal is a Decimal by its text.
func makeDecimal(r *reading, n *pickle.Node, args []*pickle.Node) error {
	if !holds(args, []shape{isStr}) || len(args[0].Text) > 2*maxDigits {
		return errShape
	}
	if len(args[0].Text) > shortNumber {
		if r.characters += len(args[0].Text); r.characters > maxCharacters {
			return &Refusal{Name: "decimal:Decimal", Rule: "has, with the other long ones of the payload, more than 4,194,304 characters", Offset: n.Offset}
		}
	}
	found := decimal.FindStringSubmatch(args[0].Text)
	if found == nil {
		return errShape
	}
	exponent, _ := strconv.Atoi(found[3]) // 0 where there is none
	if len(found[1])+len(found[2]) > maxDigits || exponent > maxExponent || exponent < -maxExponent {
		return &Refusal{Name: "decimal:Decimal", Rule: "has more than 4,300 digits or an exponent beyond 10,000", Offset: n.Offset}
	}
	r.becomeSame(n, args...)
	return nil
}

var uuidBound = new(big.Int).Lsh(big.NewInt(1), 128)

// makeUUID is an instance of UUID: NEWOBJ without arguments, and a state of one or two ints.
func (r *reading) makeUUID(n *pickle.Node) error {
	wrong := &Refusal{Name: "uuid:UUID", Rule: "takes only the state that pickle writes: an int, and whether it was made safely", Offset: n.Offset}
	if len(n.Items) != 2 || len(n.Items[1].Items) != 0 || len(n.Changes) != 1 || n.Changes[0].Kind != pickle.Build {
		return wrong
	}
	state := n.Changes[0].Items[0]
	if state.Kind != pickle.Dict {
		return wrong
	}
	var value, safe *pickle.Node
	for i := 0; i < len(state.Items); i += 2 {
		key := state.Items[i]
		switch {
		case key.Kind == pickle.Str && key.Text == "int" && isInt(state.Items[i+1]):
			value = state.Items[i+1]
		case key.Kind == pickle.Str && key.Text == "is_safe" && isInt(state.Items[i+1]):
			safe = state.Items[i+1]
		default:
			return wrong
		}
	}
	if value == nil || sign(value) < 0 || value.Big != nil && value.Big.Cmp(uuidBound) >= 0 {
		return wrong
	}
	if safe == nil {
		r.become(n, "uuid", value)
		return nil
	}
	if safe.Big != nil || safe.Int < -1 || safe.Int > 0 {
		return wrong
	}
	r.become(n, "uuid", value, safe)
	return nil
}

func sign(n *pickle.Node) int {
	if n.Big != nil {
		return n.Big.Sign()
	}
	return big.NewInt(n.Int).Sign()
}
