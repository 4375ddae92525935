package main

import (
	"bytes"
	"context"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/handler"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// demoCall is one call of the demonstration. The expression makes (function, args, kwargs) in Python,
// with u the user's module; spoil, if set, damages the pickled payload.
type demoCall struct {
	name, expression string
	want             string
	spoil            func([]byte) []byte
}

// outcome is how a call ended.
type outcome struct {
	kind     string // returned, raised, no result
	text     string
	sent     int
	tensors  string
	received string
}

func (o outcome) is(want string) bool { return o.kind == want }

var ownCalls = []demoCall{
	{name: "a builtin: math.hypot(3, 4)", expression: "(math.hypot, (3, 4), {})", want: "returned"},
	{name: "a user's function: greet('wörld', greeting='Hello')", expression: "(u.greet, ('w\u00f6rld',), {'greeting': 'Hello'})", want: "returned"},
	{name: "a method: Account('ada', 10).deposit(5)", expression: "(u.Account('ada', 10).deposit, (5,), {})", want: "returned"},
	{name: "one that raises: withdraw(Account('ada', 10), 25)", expression: "(u.withdraw, (u.Account('ada', 10), 25), {})", want: "raised"},
	{name: "one that cannot be unpickled: the payload names a module that is not there", expression: "(u.greet, ('x',), {})", want: "no result", spoil: renameModule},
	{name: "one that cannot be unpickled: the payload is cut off", expression: "(u.greet, ('x',), {})", want: "no result", spoil: cutOff},
	{name: "one that returns something unpicklable: a generator", expression: "(u.unpicklable, (), {})", want: "no result"},
	{name: "one that calls sys.exit(3)", expression: "(sys.exit, (3,), {})", want: "raised"},
}

var torchCalls = []demoCall{
	{name: "a builtin of torch: torch.add(tensor, tensor)", expression: "(torch.add, (torch.ones(2, 2), torch.eye(2)), {})", want: "returned"},
	{name: "a user's function: matmul of two matrices", expression: "(u.matmul, (torch.arange(6.).reshape(2, 3), torch.ones(3, 2)), {})", want: "returned"},
	{name: "a user's function: normalise 10 numbers", expression: "(u.normalise, (torch.arange(10.),), {})", want: "returned"},
	{name: "a method: torch.Tensor.sum", expression: "(torch.Tensor.sum, (torch.arange(10),), {})", want: "returned"},
	{name: "one that raises: shapes that do not fit", expression: "(u.matmul, (torch.ones(2, 3), torch.ones(2, 3)), {})", want: "raised"},
	{name: "one that cannot be unpickled: the payload names a module that is not there", expression: "(u.matmul, (1, 2), {})", want: "no result", spoil: renameModule},
	{name: "one that returns something unpicklable: a generator", expression: "(u.unpicklable, (), {})", want: "no result"},
}

// renameModule makes a pickle name a module that does not exist, of the same length.
func renameModule(pickle []byte) []byte {
	missing := bytes.Repeat([]byte("x"), len(demoModule))
	return bytes.ReplaceAll(pickle, []byte(demoModule), missing)
}

// cutOff loses the last bytes, as a broken connection would.
func cutOff(pickle []byte) []byte { return pickle[:len(pickle)-4] }

// payload pickles the call with the handler's own serialize.
func (d *demo) payload(ctx context.Context, call demoCall) (handler.Payload, error) {
	udf, err := d.udf(ctx, call)
	if err != nil {
		return handler.Payload{}, err
	}
	defer udf.Release()
	payload, err := d.handler.Serialize(ctx, udf)
	if err == nil && call.spoil != nil {
		payload.Data = call.spoil(payload.Data)
	}
	return payload, err
}

func (d *demo) udf(ctx context.Context, call demoCall) (udf *pybridge.Object, err error) {
	err = gil.With(ctx, func(t gil.Token) error {
		names := pybridge.Dict{}
		defer func() {
			for _, item := range names {
				item.Value.(*pybridge.Object).Release()
			}
		}()
		modules := []string{"math", "sys", demoModule}
		if d.module == handler.TorchModule {
			modules = append(modules, "torch")
		}
		for _, module := range modules {
			o, err := d.rt.Import(t, module)
			if err != nil {
				return err
			}
			name := module
			if module == demoModule {
				name = "u"
			}
			names = append(names, pybridge.DictItem{Key: name, Value: o})
		}
		udf, err = d.evaluate(t, call.expression, names)
		return err
	})
	return udf, err
}

// evaluate makes the PythonUDF of an expression that gives (function, args, kwargs).
func (d *demo) evaluate(t gil.Token, expression string, names pybridge.Dict) (*pybridge.Object, error) {
	eval, err := resolve(t, d.rt, "builtins", "eval")
	if err != nil {
		return nil, err
	}
	defer eval.Release()
	call, err := eval.Call(t, expression, names)
	if err != nil {
		return nil, err
	}
	defer call.Release()
	class, err := resolve(t, d.rt, d.module, "PythonUDF")
	if err != nil {
		return nil, err
	}
	defer class.Release()
	return class.CallMethod(t, "_make", call)
}

func (d *demo) printGIL() {
	s := gil.Stats()
	d.cmd.Printf("\nGIL and threads\n")
	d.cmd.Printf("  taken %d times, waited for: median < %v, 99 %% < %v\n", s.Wait.Count, s.Wait.Quantile(0.5), s.Wait.Quantile(0.99))
	d.cmd.Printf("  held: median < %v, 99 %% < %v, %v in all\n", s.Hold.Quantile(0.5), s.Hold.Quantile(0.99), s.Hold.Sum)
	d.cmd.Printf("  at most %d of %d permits used at once; %d OS threads, %d warm Python thread states\n", s.Peak, s.Permits, s.OSThreads, s.ThreadStates)
}
