package policy

import (
	"github.com/gopyrpc/gopyrpc/handler/pickle"
)

// What _exceptions/capture.py puts into a record.
const (
	maxErrors = 100 // exceptions in one
	maxNested = 4   // records within the nested pickles of records
)

// Shapes of what a record holds.
var (
	recordFields = map[string]shape{"worker": isStr, "truncated": isBool, "msg": isStr}
	errorFields  = map[string]shape{
		"module": isStr, "qualname": isStr, "mro": isListOf(isStr), "text": isStr, "repr": isStr, "args_repr": isStr, "own_init": isBool,
		"notes": isListOf(isStr), "frames": isListOf(isFrame), "frames_omitted": isCount, "suppress": isBool, "message": isStr,
	}
	errorNeeds = []string{"module", "qualname", "text"}
)

// isListOf is a list or a tuple, as a record made by hand may have either.
func isListOf(is shape) shape {
	return func(n *pickle.Node) bool {
		if n.Kind == pickle.Tuple {
			return isTupleOf(n, is)
		}
		return n.Kind == pickle.List && holdsOnly(n.Items, is)
	}
}

func holdsOnly(items []*pickle.Node, is shape) bool {
	for _, item := range items {
		if !is(item) {
			return false
		}
	}
	return true
}

// isFrame is (file, line, function, source).
func isFrame(n *pickle.Node) bool {
	return n.Kind == pickle.Tuple && holds(n.Items, []shape{isStr, isCount, isStr, isStr})
}

// makeRecord is a RemoteException: the record of an exception, in which arguments and attributes are pickles of their
// own. Those are read as the payload is. One that is refused, or is no pickle, is refused when the exception is rebuilt,
// which then is a RemoteError with the same text. Fields that this version does not know are left out.
func makeRecord(r *reading, n *pickle.Node, args []*pickle.Node) error {
	if len(args) != 1 || args[0].Kind != pickle.Dict {
		return errShape
	}
	record, ok := keep(args[0], recordFields)
	list := field(args[0], "errors")
	if !ok || list == nil || list.Kind != pickle.List || len(list.Items) == 0 || len(list.Items) > maxErrors || field(record, "worker") == nil {
		return errShape
	}
	errors := &pickle.Node{Kind: pickle.List, Offset: list.Offset, Mark: seen}
	for _, item := range list.Items {
		e, ok := r.makeError(item, len(list.Items))
		if !ok {
			return errShape
		}
		errors.Items = append(errors.Items, e)
	}
	put(record, "errors", errors)
	r.become(n, "record", record)
	return nil
}

// makeError is one exception of a record of that many.
func (r *reading) makeError(n *pickle.Node, many int) (*pickle.Node, bool) {
	if n.Kind != pickle.Dict {
		return nil, false
	}
	e, ok := keep(n, errorFields)
	ok = ok && hasFewFrames(e) && r.countTexts(e)
	for _, key := range errorNeeds {
		ok = ok && field(e, key) != nil
	}
	isOther := func(n *pickle.Node) bool { return isNone(n) || isCount(n) && n.Int < int64(many) }
	for _, key := range []string{"cause", "context"} {
		if f := field(n, key); f != nil {
			ok = ok && isOther(f)
			put(e, key, f)
		}
	}
	if members := field(n, "members"); members != nil {
		ok = ok && (isNone(members) || isListOf(isOther)(members)) && (isNone(members) || field(e, "message") != nil)
		put(e, "members", members)
	}
	for key, kind := range map[string]pickle.Kind{"args": pickle.Tuple, "state": pickle.Dict} {
		f := field(n, key)
		switch {
		case f == nil:
		case isNone(f):
			put(e, key, f)
		case f.Kind == pickle.Bytes:
			put(e, key, r.nested(f, kind))
		default:
			ok = false
		}
	}
	return e, ok
}

// keep makes a dict of the fields of another that have a shape. It is false where one has another.
func keep(n *pickle.Node, fields map[string]shape) (*pickle.Node, bool) {
	kept := &pickle.Node{Kind: pickle.Dict, Offset: n.Offset, Mark: seen}
	for i := 0; i < len(n.Items); i += 2 {
		key, value := n.Items[i], n.Items[i+1]
		if !isStr(key) {
			return kept, false
		}
		if is, known := fields[key.Text]; known {
			if !is(value) {
				return kept, false
			}
			kept.Items = append(kept.Items, key, value)
		}
	}
	return kept, true
}

// field is a value of a dict, nil where it has none under that key.
func field(dict *pickle.Node, key string) *pickle.Node {
	for i := 0; i < len(dict.Items); i += 2 {
		if isStr(dict.Items[i]) && dict.Items[i].Text == key {
			return dict.Items[i+1]
		}
	}
	return nil
}

func put(dict *pickle.Node, key string, value *pickle.Node) {
	dict.Items = append(dict.Items, text(dict.Offset, key), value)
}

// nested is a pickle within a record, of a tuple or of a dict of attributes: the canonical one of it and what belongs
// beside that, or why there is none.
func (r *reading) nested(n *pickle.Node, kind pickle.Kind) *pickle.Node {
	key := nestedKey{n, kind}
	if r.pickles[key] == nil {
		if r.pickles == nil {
			r.pickles = map[nestedKey]*pickle.Node{}
		}
		r.pickles[key] = r.readNested(n, kind)
	}
	return r.pickles[key]
}

func (r *reading) readNested(n *pickle.Node, kind pickle.Kind) *pickle.Node {
	out, err := r.admitNested(n, kind)
	made := &pickle.Node{Offset: n.Offset, Mark: seen}
	if err != nil {
		r.become(made, "refused", text(n.Offset, nameOf(err)), text(n.Offset, err.Error()))
		return made
	}
	beside := r.tuple(n.Offset)
	for _, b := range out.Buffers {
		switch {
		case b.Given != nil:
			beside.Items = append(beside.Items, text(n.Offset, b.Given.Text))
		case b.Mutable:
			beside.Items = append(beside.Items, &pickle.Node{Kind: pickle.ByteArray, Offset: n.Offset, Data: b.Data, Mark: seen})
		default:
			beside.Items = append(beside.Items, &pickle.Node{Kind: pickle.Bytes, Offset: n.Offset, Data: b.Data, Mark: seen})
		}
	}
	r.become(made, "nested", &pickle.Node{Kind: pickle.Bytes, Offset: n.Offset, Data: parts(out.Pickle), Mark: seen}, beside)
	return made
}

func (r *reading) admitNested(n *pickle.Node, kind pickle.Kind) (pickle.Output, error) {
	if r.level >= maxNested {
		return pickle.Output{}, &Refusal{Rule: "records are nested in each other too deeply", Offset: n.Offset}
	}
	root, err := r.arena.Read(n.Data)
	if err != nil {
		return pickle.Output{}, err
	}
	if root.Kind != kind || kind == pickle.Dict && !hasNames(root) {
		return pickle.Output{}, &Refusal{Rule: "an exception's arguments are a tuple, and its attributes a dict with names", Offset: n.Offset}
	}
	if kind == pickle.Dict {
		if err := checkAttributes(root); err != nil {
			return pickle.Output{}, err
		}
	}
	if r.records == nil {
		r.records = &records{texts: map[*pickle.Node]bool{}}
	}
	inner := reading{policy: r.policy, arena: r.arena, limits: r.limits, level: r.level + 1, records: r.records, characters: r.characters}
	defer func() { r.characters = inner.characters }()
	return inner.admit(root)
}
