package pyworker

import (
	"fmt"
	"strings"

	"github.com/gopyrpc/gopyrpc/handler/pickle"
	"github.com/gopyrpc/gopyrpc/internal/pyname"
)

// pickled returns, pickled, the RemoteException that Python makes of a refusal of its own. _exceptions/capture.py says what
// its record has.
func (r refused) pickled(worker string) ([]byte, error) {
	cause := exception{qualname: "UnpicklingError", module: "_pickle", text: r.text, args: []string{r.text}}
	cause.mro = []string{"_pickle.UnpicklingError", "_pickle.PickleError", "builtins.Exception", "builtins.BaseException", "builtins.object"}
	hint := ""
	if r.forbidden {
		cause.qualname, cause.module = "ForbiddenGlobal", pyname.Internal
		cause.mro = append([]string{pyname.Internal + ".ForbiddenGlobal"}, cause.mro...)
		cause.args = append(cause.args, r.name)
		cause.ownInit = true
		cause.state = pickle.NewDict(pickle.NewStr("global_name"), pickle.NewStr(r.name))
	}
	if r.entry != "" {
		hint = "; the entry " + r.entry + " would let it in"
	}
	text := fmt.Sprintf("cannot deserialize%s: %s.%s: %s%s", r.what, cause.module, cause.qualname, r.text, hint)
	first := exception{
		qualname: "DeserializeError", module: pyname.Internal, text: text, args: []string{text}, caused: true,
		mro: []string{pyname.Internal + ".DeserializeError", "builtins.RuntimeError", "builtins.Exception", "builtins.BaseException", "builtins.object"},
	}
	errs := make([]*pickle.Node, 2)
	for i, e := range []exception{first, cause} {
		var err error
		if errs[i], err = e.node(); err != nil {
			return nil, err
		}
	}
	record := pickle.NewDict(
		pickle.NewStr("worker"), pickle.NewStr(worker),
		pickle.NewStr("errors"), pickle.NewList(errs...),
		pickle.NewStr("truncated"), pickle.NewBool(false))
	return written(pickle.NewReduce(pickle.NewGlobal(pyname.Internal, "_remote_exception"), record))
}

// exception is an exception of a record.
type exception struct {
	module, qualname, text string
	mro, args              []string
	ownInit, caused        bool
	state                  *pickle.Node // nil for none
}

func (e exception) node() (*pickle.Node, error) {
	args, err := written(pickle.NewTuple(texts(e.args)...))
	if err != nil {
		return nil, err
	}
	state := pickle.NewNone()
	if e.state != nil {
		data, err := written(e.state)
		if err != nil {
			return nil, err
		}
		state = pickle.NewBytes(data)
	}
	cause, context := pickle.NewNone(), pickle.NewNone()
	if e.caused {
		cause, context = pickle.NewInt(1), pickle.NewInt(1)
	}
	argsRepr := reprOf(e.args)
	fields := []*pickle.Node{}
	for _, f := range []struct {
		name  string
		value *pickle.Node
	}{
		{"module", pickle.NewStr(e.module)}, {"qualname", pickle.NewStr(e.qualname)}, {"mro", pickle.NewList(texts(e.mro)...)},
		{"text", pickle.NewStr(e.text)}, {"args", pickle.NewBytes(args)}, {"args_repr", pickle.NewStr(argsRepr)},
		{"own_init", pickle.NewBool(e.ownInit)}, {"state", state}, {"notes", pickle.NewList()}, {"frames", pickle.NewList()},
		{"frames_omitted", pickle.NewInt(0)}, {"cause", cause}, {"context", context}, {"suppress", pickle.NewBool(e.caused)},
	} {
		fields = append(fields, pickle.NewStr(f.name), f.value)
	}
	if e.caused { // the first exception of a record has its repr, with which the text begins
		fields = append(fields, pickle.NewStr("repr"), pickle.NewStr(e.qualname+"("+strings.TrimSuffix(strings.TrimPrefix(argsRepr, "("), ",)")+")"))
	}
	return pickle.NewDict(fields...), nil
}

func texts(list []string) []*pickle.Node {
	nodes := make([]*pickle.Node, len(list))
	for i, text := range list {
		nodes[i] = pickle.NewStr(text)
	}
	return nodes
}

// reprOf returns the repr() of a tuple of printable texts.
func reprOf(list []string) string {
	quoted := make([]string, len(list))
	for i, text := range list {
		quote := "'"
		if strings.Contains(text, "'") && !strings.Contains(text, `"`) {
			quote = `"`
		}
		quoted[i] = quote + strings.NewReplacer(`\`, `\\`, quote, `\`+quote).Replace(text) + quote
	}
	if len(list) == 1 {
		return "(" + quoted[0] + ",)"
	}
	return "(" + strings.Join(quoted, ", ") + ")"
}

// written returns a pickle that has nothing beside it.
func written(n *pickle.Node) ([]byte, error) {
	out, err := pickle.Write(n)
	return out.Pickle, err
}
