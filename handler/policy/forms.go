package policy

import (
	"github.com/gopyrpc/gopyrpc/handler/pickle"
	"github.com/gopyrpc/gopyrpc/internal/pyname"
)

// forms are the calls that pickle writes, at the protocols 2 to 5, for what every peer may send.
var forms map[name]*form

func init() { // as forms look names up themselves
	forms = map[name]*form{
		{"builtins", "bytes"}:     {make: makeBytes, takes: "nothing, for empty bytes"},
		{"builtins", "bytearray"}: {make: makeByteArray, takes: "bytes"},
		{"builtins", "set"}:       {make: makeSet(pickle.Set), takes: "a list"},
		{"builtins", "frozenset"}: {make: makeSet(pickle.FrozenSet), takes: "a list"},
		{"builtins", "complex"}:   {make: makeCall(isFloat, isFloat), takes: "two floats"},
		{"builtins", "range"}:     {make: makeCall(isInt, isInt, isInt), takes: "three ints"},
		{"builtins", "slice"}:     {make: makeSlice, takes: "three values"},
		{"builtins", "type"}:      {make: makeType, whole: true, takes: "None, Ellipsis or NotImplemented"},
		{"builtins", "getattr"}:   {make: makeMethod, whole: true, takes: "an object and the name of a method"},
		{"_codecs", "encode"}:     {make: makeLatin1, whole: true, takes: `text and "latin1"`},
		{"_operator", "or_"}:      {make: makeFlags, takes: "two flags"},

		{"datetime", "timedelta"}: {make: makeDelta, takes: "days, seconds and microseconds"},
		{"datetime", "timezone"}:  {make: makeZone, takes: "a timedelta and text"},
		{"datetime", "date"}:      {make: makeDate, takes: "4 bytes"},
		{"datetime", "time"}:      {make: makeTime, takes: "6 bytes, and a timezone or a tzinfo of a listed class"},
		{"datetime", "datetime"}:  {make: makeDateTime, takes: "10 bytes, and a timezone or a tzinfo of a listed class"},
		{"decimal", "Decimal"}:    {make: makeDecimal, takes: "text of a number, or of a tuple"},

		{"collections", "OrderedDict"}: {make: makeOrderedDict, changed: true, takes: "nothing, items, and attributes that are no method's name"},
		{"collections", "defaultdict"}: {make: makeDefaultDict, changed: true, takes: "a factory, and items"},
		{"collections", "Counter"}:     {make: makeCounter, takes: "a dict"},
		{"collections", "deque"}:       {make: makeDeque, changed: true, takes: "a list and its bound, or nothing, and elements"},

		{"copyreg", "_reconstructor"}:  {make: makeReconstructed, changed: true, whole: true, takes: "a class, object and None"},
		{"copyreg", "__newobj__"}:      {make: makeNewObject, changed: true, whole: true, takes: "a class and arguments"},
		{"copyreg", "__newobj_ex__"}:   {make: makeNewObjectEx, changed: true, whole: true, takes: "a class, a tuple and a dict"},
		{pyname.Internal, "PythonUDF"}: {make: makeUDF, whole: true, takes: "a function, a tuple and a dict with names"},

		{pyname.Internal, "_receive_tensor"}:            {make: makeTensor(isIndex), whole: true, takes: "a place in the table of tensors"},
		{pyname.Internal, "_receive_strided"}:           {make: makeStrided, whole: true, takes: "a place in the table of tensors, a size and strides"},
		{pyname.Internal, "_receive_leaf"}:              {make: makeTensor(isTensor), whole: true, takes: "a tensor"},
		{pyname.Internal, "_receive_named"}:             {make: makeTensor(isTensor, isDimensions), whole: true, takes: "a tensor and names"},
		{pyname.Internal, "_receive_parameter"}:         {make: makeTensor(isTensor, isBool, isExtra), whole: true, takes: "a tensor, whether it has a gradient, and attributes"},
		{pyname.Internal, "_receive_subclass"}:          {make: makeSubclass, whole: true, takes: "a listed class, a tensor, whether it has a gradient, and attributes"},
		{pyname.Internal, "_receive_sparse"}:            {make: makeTensor(isTensor, isTensor, isSizes, isBool), whole: true, takes: "indices, values, a size, and whether it is coalesced"},
		{pyname.Internal, "_receive_sparse_compressed"}: {make: makeTensor(isStr, isTensor, isTensor, isTensor, isSizes), whole: true, takes: "a layout, indices, values and a size"},
		{pyname.Internal, "_receive_quantized"}:         {make: makeQuantized, whole: true, takes: "a tensor and its quantiser"},
		{pyname.Internal, "_receive_script_module"}:     {make: neverWritten, takes: "nothing from a restricted peer: it is code"},
		{pyname.Internal, "_receive_rref"}:              {make: makeReference, whole: true, takes: "bytes"},
		{pyname.Internal, "_call_method"}:               {make: neverWritten, whole: true, takes: "an RRef and the name of a method, as the function of a call"},
		{pyname.Internal, "_type_of_value"}:             {make: neverWritten, whole: true, takes: "an RRef, as the function of a call"},
		{pyname.Internal, "_check_value"}:               {make: neverWritten, whole: true, takes: "an RRef and the name of a method, as the function of a call"},
		{pyname.Internal, "_remote_exception"}:          {make: makeRecord, whole: true, takes: "the record of an exception"},
		{pyname.Internal, "UnpicklableValue"}:           {make: makeCall(isStr), whole: true, takes: "text"},
		{pyname.Internal, "WorkerInfo"}:                 {make: makeCall(isStr, isInt), whole: true, takes: "a name and a rank"},

		{"numpy", "dtype"}: {make: makeDtype, changed: true, takes: "the name of a plain type, and its state"},
	}
	for _, core := range []string{"numpy.core", "numpy._core"} {
		forms[name{core + ".multiarray", "_reconstruct"}] = &form{make: makeArray, changed: true, takes: "ndarray, and the array's state"}
		forms[name{core + ".multiarray", "scalar"}] = &form{make: makeScalar, takes: "a plain dtype and as many bytes"}
		forms[name{core + ".numeric", "_frombuffer"}] = &form{make: makeFromBuffer, takes: "bytes, a plain dtype, a shape and an order"}
	}
	for n := range exceptions {
		forms[n] = &form{make: makeException, changed: true, takes: "arguments of its kinds, and a dict of attributes"}
	}
}

// exceptions are those that any peer may send.
var exceptions = namesOf(builtinExceptions, ownExceptions)

func isException(n name) bool { return exceptions[n] }

func neverWritten(*reading, *pickle.Node, []*pickle.Node) error { return errShape }

// shape says whether an argument is what pickle writes there. The argument has been visited.
type shape func(*pickle.Node) bool

func isFloat(n *pickle.Node) bool { return n.Kind == pickle.Float }
func isInt(n *pickle.Node) bool   { return n.Kind == pickle.Int }
func isBool(n *pickle.Node) bool  { return n.Kind == pickle.Bool }
func isStr(n *pickle.Node) bool   { return n.Kind == pickle.Str }
func isNone(n *pickle.Node) bool  { return n.Kind == pickle.None }

// isCount is an int that is not negative and no more than what CPython indexes by.
func isCount(n *pickle.Node) bool { return n.Kind == pickle.Int && n.Big == nil && n.Int >= 0 }

// holds says whether values are of certain shapes, as many.
func holds(values []*pickle.Node, shapes []shape) bool {
	if len(values) != len(shapes) {
		return false
	}
	for i, is := range shapes {
		if !is(values[i]) {
			return false
		}
	}
	return true
}

// makeCall is a call of the very class with arguments of certain shapes, none of them containers.
func makeCall(shapes ...shape) func(*reading, *pickle.Node, []*pickle.Node) error {
	return func(r *reading, n *pickle.Node, args []*pickle.Node) error {
		if !holds(args, shapes) {
			return errShape
		}
		r.becomeSame(n, args...)
		return nil
	}
}

// becomeSame leaves a call as it is.
func (r *reading) becomeSame(n *pickle.Node, args ...*pickle.Node) {
	r.becomeCall(n, r.find(n.Items[0]).own, args...)
}

// visited visits arguments and says whether they are of certain shapes. It gives a copy, as a tuple may be shared.
func (r *reading) visited(args []*pickle.Node, shapes ...shape) ([]*pickle.Node, error) {
	if len(args) != len(shapes) {
		return nil, errShape
	}
	args = append([]*pickle.Node{}, args...)
	if err := r.values(args); err != nil {
		return nil, err
	}
	if !holds(args, shapes) {
		return nil, errShape
	}
	return args, nil
}
