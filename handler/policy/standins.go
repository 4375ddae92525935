package policy

import "github.com/gopyrpc/gopyrpc/internal/pyname"

// standIns are the functions of _restricted/standins.py, by name. Their nodes are for all payloads.
var standIns = givenOf(`
	call type update_dict update_ordered extend_deque dtype array scalar uuid
	record nested refused method to_call member flags value new new_to_change new_value new_value_to_change
	call_class set_state extend update add
`)

// The functions of the protocol that a call may be of, whatever is listed.
var (
	callMethod  = newGiven(pyname.Internal + ":_call_method")
	typeOfValue = newGiven(pyname.Internal + ":_type_of_value")
	checkValue  = newGiven(pyname.Internal + ":_check_value")
)
