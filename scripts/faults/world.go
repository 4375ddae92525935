package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"testing/fstest"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/handler"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

//go:embed udfs.py
var udfSource []byte

//go:embed interrupted.py
var interruptedSource []byte

//go:embed failedwrite.py
var failedWriteSource []byte

var background = context.Background()

// world is a process with Python, a handler, and the functions of udfs.py.
type world struct {
	*probe
	rt *pybridge.Runtime
	h  *handler.Handler
}

// start makes a world.
func start(p *probe, opts ...pybridge.Option) *world {
	return startModule(p, handler.OwnModule, opts...)
}

// startModule makes a world whose RPC module is the named one.
func startModule(p *probe, module string, opts ...pybridge.Option) *world {
	rt, err := pybridge.Start(background, opts...)
	p.must(err)
	h, err := handler.New(background, rt, handler.WithModule(module))
	p.must(err)
	p.must(gil.With(background, func(t gil.Token) error {
		files := fstest.MapFS{"__init__.py": {Data: udfSource}, "failedwrite.py": {Data: failedWriteSource}, "interrupted.py": {Data: interruptedSource}}
		return rt.InstallPackage(t, "faulty", files)
	}))
	return &world{p, rt, h}
}

// payload is the pickled call of one of the functions.
func (w *world) payload(name string, args ...any) handler.Payload {
	var udf *pybridge.Object
	w.must(gil.With(background, func(t gil.Token) error {
		module, err := w.rt.Import(t, "faulty")
		if err != nil {
			return err
		}
		defer module.Release()
		udf, err = module.CallMethod(t, "udf", append([]any{w.h.Module(), name}, args...)...)
		return err
	}))
	defer udf.Release()
	p, err := w.h.Serialize(background, udf)
	w.must(err)
	return p
}

// run makes a call, as a request, and returns what its caller sees.
func (w *world) run(ctx context.Context, p handler.Payload) (any, error) {
	sent, err := w.h.RunUDF(ctx, p)
	if err != nil {
		return nil, err
	}
	defer sent.Release()
	return w.open(sent)
}

// open makes of a result what the caller of the call makes of it.
func (w *world) open(p handler.Payload) (v any, err error) {
	result, err := w.h.Deserialize(background, p)
	if err != nil {
		return nil, err
	}
	defer result.Release()
	if err := w.h.HandleException(background, result); err != nil {
		return nil, err
	}
	err = gil.With(background, func(t gil.Token) error {
		v, err = pybridge.As[any](t, result)
		return err
	})
	return v, err
}

// call is run of a function of udfs.py.
func (w *world) call(name string, args ...any) (any, error) {
	return w.run(background, w.payload(name, args...))
}

// works checks that an innocent call has its result.
func (w *world) works(p handler.Payload) {
	v, err := w.run(background, p)
	w.check(err == nil && fmt.Sprint(v) == "42", "an innocent call afterwards gave %v, %v", v, err)
}

// innocent is a call that has nothing to do with the fault.
func (w *world) innocent() handler.Payload { return w.payload("add", 40, 2) }

// close joins, which must end well.
func (w *world) close() {
	err := w.rt.Close(background)
	w.check(err == nil, "Close: %v", err)
}

// statements runs a program.
func (w *world) statements(source string) error {
	return gil.With(background, func(t gil.Token) error { return w.rt.RunMain(t, source, "<fault>") })
}

// checkIs checks that err is the wanted error.
func (p *probe) checkIs(err, want error, what string) {
	p.check(errors.Is(err, want), "%s: %v, not %v", what, err, want)
}

// enter takes the GIL and gives it back.
func enter() error { return gil.With(background, func(gil.Token) error { return nil }) }
