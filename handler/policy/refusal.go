package policy

import "fmt"

// Refusal says what of a payload the policy does not let in.
type Refusal struct {
	Name   string // "module:qualname" as the payload has it; "" where the refusal is about no name
	Rule   string // what must be so, or what is wrong with the name
	Entry  string // of a list, that would let in the name, or the instance; "" where none would
	Offset int    // where the payload asks for it, in bytes from its start
}

func (r *Refusal) Error() string {
	if r.Name == "" {
		return fmt.Sprintf("refused at byte %d: %s", r.Offset, r.Rule)
	}
	return fmt.Sprintf("%s %s (at byte %d)", r.Name, r.Rule, r.Offset)
}
