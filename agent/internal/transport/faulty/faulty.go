// Package faulty has frames between workers dropped, doubled and delayed, and connections end at them. It is for tests, of this
// module alone, which give [Writer] to a transport as its Config.WrapWriter.
//
// Torch: FaultyTensorPipeAgent.
package faulty

import (
	"sync"
	"time"

	"github.com/gopyrpc/gopyrpc/agent/internal/transport"
)

// Faults say what becomes of the frames that a worker sends. They may be asked from any goroutine.
type Faults func(f *transport.OutFrame) Fate

// Fate is what becomes of a frame. The zero Fate drops it.
type Fate struct {
	Times int             // that it is written: 1 for a frame without a fault, 2 to double it
	After <-chan struct{} // that has to be closed first, while later frames pass; nil for at once
	Late  time.Duration   // before it is written, while later frames wait, too: for [SlowWriter]
	Err   error           // that ends the connection, instead of the frame's being written
}

// Writer puts faults in front of each writer that it is called with.
func Writer(faults Faults) func(transport.Writer) transport.Writer {
	return func(w transport.Writer) transport.Writer { return &writer{Writer: w, faults: faults} }
}

// SlowWriter is Writer for faults with Fate.Late: no goroutine of a caller writes by itself, as none waits for a slow network.
func SlowWriter(faults Faults) func(transport.Writer) transport.Writer {
	return func(w transport.Writer) transport.Writer { return &writer{Writer: w, faults: faults, slow: true} }
}

// writer is a writer that drops, doubles and delays frames.
type writer struct {
	transport.Writer
	faults Faults
	slow   bool
	mu     sync.Mutex // one goroutine at a time writes, those with delayed frames included
}

func (w *writer) Write(f *transport.OutFrame) error {
	fate := w.faults(f)
	if fate.Err != nil {
		return fate.Err
	}
	time.Sleep(fate.Late)
	if fate.After == nil {
		return w.times(fate.Times, f)
	}
	go func() {
		<-fate.After
		_ = w.times(fate.Times, f) // too late for an error: the sender gets it from the next frame
	}()
	return nil
}

// Fits is the writer's, which is of one goroutine at a time, too.
func (w *writer) Fits(size, unheard int64) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return !w.slow && w.Writer.Fits(size, unheard)
}

func (w *writer) times(n int, f *transport.OutFrame) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for range n {
		if err := w.Writer.Write(f); err != nil {
			return err
		}
	}
	return nil
}
