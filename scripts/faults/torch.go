package main

import (
	"fmt"
	"os/exec"
	"strings"
	"sync"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/handler"
	"github.com/gopyrpc/gopyrpc/internal/cpython/discover"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// torchFaults are what torch does to a process that embeds it.
func torchFaults() []fault {
	faults := []fault{
		{name: "torch-first-elsewhere", injected: "torch is first imported by a function, on any thread; then 300 backward passes by 16 callers",
			must: "every result is right", do: usual(torchElsewhere)},
		{name: "torch-cleanup", injected: "the handler of torch's module is cleaned up while 16 callers use it, its tensors are used afterwards",
			must: "ErrClosed; Close tells of a tensor that is kept, and it can be released after", do: torchCleanup},
		{name: "torch-grad-mode", injected: "a function switches gradients off", must: "they are on in the next call", do: torchMode},
		{name: "torch-tensor-table", injected: "payloads with a tensor too few, one too many, and one that is none",
			must: "an error or the result, and a right one for the next call", do: torchTable},
		{name: "torch-close-under-backward", injected: "Close while 16 callers run backward passes",
			must: "each call has its result or ErrClosed; Close succeeds", do: torchClose},
	}
	for i := range faults {
		faults[i].needs = noTorch
	}
	return faults
}

// noTorch says that this Python has no torch. It is "" if there is torch.
func noTorch() string {
	python, err := discover.Find(background, discover.Options{})
	if err != nil {
		return err.Error()
	}
	if exec.Command(python.Executable, "-I", "-c", "import torch.distributed.rpc.internal, torch._C._distributed_rpc").Run() != nil {
		return "no torch with torch.distributed.rpc in " + python.Executable
	}
	return ""
}

// callers runs f on 16 goroutines at once.
func callers(f func()) {
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(f)
	}
	wg.Wait()
}

func torchElsewhere(w *world) {
	once, many := w.payload("first_torch", 1), w.payload("first_torch", 300)
	v, err := w.run(background, once)
	w.check(err == nil && fmt.Sprint(v) == "2", "the first use gave %v, %v", v, err)
	callers(func() {
		v, err := w.run(background, many)
		w.check(err == nil && fmt.Sprint(v) == "600", "300 passes gave %v, %v", v, err)
	})
	w.did("16 × 300 passes")
}

func torchMode(p *probe) {
	w := startModule(p, handler.TorchModule)
	v, err := w.call("no_grad")
	w.check(err == nil && v == false, "no_grad gave %v, %v", v, err)
	on := w.payload("grad_enabled")
	callers(func() {
		v, err := w.run(background, on)
		w.check(err == nil && v == true, "gradients are enabled: %v, %v", v, err)
	})
	w.close()
	p.did("on again on every thread")
}

func torchTable(p *probe) {
	w := startModule(p, handler.TorchModule)
	made, err := w.h.RunUDF(background, w.payload("tensor", 10))
	w.must(err)
	w.check(len(made.Tensors) == 1, "%d tensors beside a result that is one", len(made.Tensors))
	result, err := w.h.Deserialize(background, made)
	w.must(err)
	sum := func() handler.Payload { return w.payload("total", result) }
	good := sum()
	none := w.number(3)
	wrong := map[string][]handler.Tensor{
		"too few":   nil,
		"too many":  {good.Tensors[0], made.Tensors[0], made.Tensors[0]},
		"no tensor": {handler.NewTensor(none)},
	}
	for name, table := range wrong {
		v, err := w.run(background, handler.Payload{Data: good.Data, Tensors: table})
		w.check(err != nil || name == "too many" && fmt.Sprint(v) == "45", "%s: %v, %v", name, v, err)
	}
	v, err := w.run(background, good)
	w.check(err == nil && fmt.Sprint(v) == "45", "the right table gave %v, %v", v, err)
	for _, o := range []interface{ Release() }{made, good, result, none} {
		o.Release()
	}
	w.close()
	p.check(pybridge.Owned() == 0, "%d references left: %v", pybridge.Owned(), pybridge.Leaks())
	p.did("refused or right")
}

// number is a Python int.
func (w *world) number(n int) (o *pybridge.Object) {
	w.must(gil.With(background, func(t gil.Token) (err error) {
		o, err = pybridge.ToPython(t, n)
		return err
	}))
	return o
}

func torchCleanup(p *probe) {
	w := startModule(p, handler.TorchModule)
	call := w.payload("tensor", 1000)
	kept, err := w.h.RunUDF(background, call)
	w.must(err)
	busy := make(chan struct{}, 16)
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for first := true; ; first = false {
				out, err := w.h.RunUDF(background, call)
				if first {
					busy <- struct{}{}
				}
				if err != nil {
					p.checkIs(err, handler.ErrClosed, "RunUDF")
					return
				}
				out.Release()
			}
		})
	}
	for range 16 {
		<-busy
	}
	p.checkIs(w.h.Cleanup(background), nil, "Cleanup")
	wg.Wait()
	p.must(gil.With(background, func(t gil.Token) error {
		text, err := kept.Tensors[0].Object().Str(t)
		p.check(err == nil && text != "", "a tensor after Cleanup: %q, %v", text, err)
		return nil
	}))
	err = w.rt.Close(background)
	p.check(err != nil && strings.Contains(err.Error(), "leaked: 1 × tensor of a payload"), "Close does not tell of the tensor: %v", err)
	kept.Release()
	p.did("cleaned up in use; the tensor lived until Close")
}

func torchClose(p *probe) {
	w := start(p, pybridge.WithPreload("torch"))
	call := w.payload("first_torch", 20)
	busy := make(chan struct{}, 16)
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for first := true; ; first = false {
				_, err := w.h.RunUDF(background, call)
				if first {
					busy <- struct{}{}
				}
				if err != nil {
					p.checkIs(err, pybridge.ErrClosed, "RunUDF")
					return
				}
			}
		})
	}
	for range 16 {
		<-busy
	}
	w.close()
	wg.Wait()
	p.did("every call had its result or ErrClosed")
}
