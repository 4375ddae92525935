package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/handler"
	"github.com/gopyrpc/gopyrpc/internal/cpython"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// gilFaults are mistakes with the GIL that Go code makes.
func gilFaults() []fault {
	return []fault{
		{name: "gil-double-release", injected: "a guard is released twice", must: "ErrReleased, nothing else", do: usual(func(w *world) {
			g, err := gil.Acquire(background)
			w.must(err)
			w.checkIs(g.Release(), nil, "Release")
			err = g.Release()
			w.checkIs(err, gil.ErrReleased, "Release again")
			w.did("%v", err)
		})},
		{name: "gil-wrong-goroutine", injected: "a guard is released by another goroutine", must: "ErrWrongGoroutine; the owner can still release", do: usual(func(w *world) {
			g, err := gil.Acquire(background)
			w.must(err)
			result := make(chan error)
			go func() { result <- g.Release() }()
			err = <-result
			w.checkIs(err, gil.ErrWrongGoroutine, "Release elsewhere")
			w.checkIs(g.Release(), nil, "Release")
			w.did("%v", err)
		})},
		{name: "gil-late-token", injected: "a token is used after the GIL was given back, and on another goroutine", must: "ErrNotHeld", do: usual(lateToken)},
		{name: "gil-lost-goroutine", injected: "a goroutine ends while it holds the GIL", must: "GIL and permit come back, but on the process's main thread", do: usual(func(w *world) {
			lost := make(chan bool)
			for found := false; !found; found = <-lost {
				go func() {
					g, err := gil.Acquire(background)
					w.must(err)
					if cpython.OnFirstThread() { // Go's runtime parks the first thread instead of ending it
						w.must(g.Release())
						lost <- false
						return
					}
					defer func() { lost <- true }()
					runtime.Goexit()
				}()
			}
			w.checkIs(enter(), nil, "the next call")
			w.did("the next call worked")
		})},
		{name: "gil-panic-inside", injected: "a panic and a Goexit inside With", must: "the GIL is given back, the panic goes on", do: usual(func(w *world) {
			value := func() (v any) {
				defer func() { v = recover() }()
				_ = gil.With(background, func(gil.Token) error { panic("inside") }) // panics: the fault
				return nil
			}()
			w.check(fmt.Sprint(value) == "inside", "recovered %v", value)
			done := make(chan struct{})
			go func() {
				defer close(done)
				_ = gil.With(background, func(gil.Token) error { runtime.Goexit(); return nil })
			}()
			<-done
			w.check(!gil.Held(), "the GIL is held")
			w.did("panic %v went on", value)
		})},
		{name: "gil-call-while-held", injected: "RunUDF, New and Cleanup with the GIL held", must: "ErrHeld, no deadlock", do: usual(func(w *world) {
			call := w.innocent()
			w.must(gil.With(background, func(gil.Token) error {
				_, err := w.h.RunUDF(background, call)
				w.checkIs(err, gil.ErrHeld, "RunUDF")
				_, err = handler.New(background, w.rt)
				w.checkIs(err, gil.ErrHeld, "New")
				w.checkIs(w.h.Cleanup(background), gil.ErrHeld, "Cleanup")
				w.did("%v", err)
				return nil
			}))
		})},
		{name: "gil-ended-context", injected: "calls whose context has ended", must: "its error, Python is not entered", do: usual(func(w *world) {
			call := w.innocent()
			ctx, cancel := context.WithCancel(background)
			cancel()
			_, err := w.h.RunUDF(ctx, call)
			w.checkIs(err, context.Canceled, "RunUDF")
			w.checkIs(gil.With(ctx, func(gil.Token) error { return nil }), context.Canceled, "With")
			w.did("%v", err)
		})},
		{name: "gil-wait-inside", injected: "a holder detaches and waits for another goroutine that needs the GIL", must: "no deadlock", do: usual(func(w *world) {
			w.checkIs(gil.With(background, func(t gil.Token) error {
				var other error
				err := gil.Detach(t, func() {
					done := make(chan error)
					go func() { done <- enter() }()
					other = <-done
				})
				return errors.Join(err, other)
			}), nil, "With")
			w.did("both went on")
		})},
	}
}

// usual is a fault's function that has a world, after which an innocent call and Close must still work.
func usual(f func(w *world)) func(*probe) {
	return func(p *probe) {
		w := start(p)
		call := w.innocent()
		f(w)
		w.works(call)
		w.close()
	}
}

func lateToken(w *world) {
	var late gil.Token
	var o *pybridge.Object
	w.must(gil.With(background, func(t gil.Token) (err error) {
		late = t
		if o, err = w.rt.Import(t, "sys"); err != nil {
			return err
		}
		elsewhere := make(chan error)
		go func() {
			_, err := o.Str(t)
			elsewhere <- err
		}()
		w.checkIs(<-elsewhere, gil.ErrNotHeld, "Str on another goroutine")
		return nil
	}))
	_, err := o.Str(late)
	w.checkIs(err, gil.ErrNotHeld, "Str")
	_, err = pybridge.ToPython(late, map[string]any{"a": []int{1}})
	w.checkIs(err, gil.ErrNotHeld, "ToPython")
	_, err = w.rt.Import(late, "json")
	w.checkIs(err, gil.ErrNotHeld, "Import")
	w.checkIs(gil.Detach(late, func() {}), gil.ErrNotHeld, "Detach")
	o.Release()
	w.did("%v", err)
}

// objectFaults are mistakes with references.
func objectFaults() []fault {
	return []fault{
		{name: "object-double-release", injected: "references are released twice, by many goroutines", must: "once each; the objects live on in Python", do: usual(func(w *world) {
			objects := w.imports(1000)
			var wg sync.WaitGroup
			for i := range 8 {
				wg.Go(func() {
					for j := range objects {
						objects[(i*37+j)%len(objects)].Release()
					}
				})
			}
			wg.Wait()
			w.checkIs(w.use(objects[0]), pybridge.ErrReleased, "use after release")
			w.did("%v", w.use(objects[0]))
		})},
		{name: "object-after-close", injected: "references are used and released after Close", must: "Close names them; ErrClosed; releasing does nothing", do: func(p *probe) {
			w := start(p)
			objects := w.imports(1000)
			err := w.rt.Close(background)
			p.check(err != nil, "Close does not name what leaked")
			_, _, callErr := objects[0].CallBytes(background, nil, nil)
			p.checkIs(callErr, pybridge.ErrClosed, "CallBytes")
			_, strErr := objects[0].Str(gil.Token{})
			p.checkIs(strErr, pybridge.ErrNotHeld, "Str")
			for _, o := range objects {
				o.Release()
			}
			objects = nil
			runtime.GC()
			runtime.GC()
			p.check(pybridge.Owned() == 0, "%d references left", pybridge.Owned())
			p.did("%v", callErr)
		}},
		{name: "object-dropped", injected: "20 × 10 MB left to the garbage collector", must: "freed by the next calls", do: usual(func(w *world) {
			owned := pybridge.Owned()
			w.drop(20)
			w.until("they are freed", func() bool {
				runtime.GC()
				w.must(enter())
				return pybridge.Owned() == owned
			})
			w.check(pybridge.Dropped() >= 20, "%d dropped", pybridge.Dropped())
			w.did("%d freed", pybridge.Dropped())
		})},
	}
}

// imports gives references to one module.
func (w *world) imports(n int) []*pybridge.Object {
	objects := make([]*pybridge.Object, n)
	w.must(gil.With(background, func(t gil.Token) (err error) {
		for i := range objects {
			if objects[i], err = w.rt.Import(t, "sys"); err != nil {
				return err
			}
		}
		return nil
	}))
	return objects
}

func (w *world) use(o *pybridge.Object) error {
	return gil.With(background, func(t gil.Token) error {
		_, err := o.Str(t)
		return err
	})
}

func (w *world) drop(n int) {
	w.must(gil.With(background, func(t gil.Token) error {
		for range n {
			if _, err := pybridge.ToPython(t, make([]byte, 10<<20)); err != nil {
				return err
			}
		}
		return nil
	}))
}
