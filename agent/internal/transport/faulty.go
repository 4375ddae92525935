package transport

import (
	"sync"

	agentpb "github.com/gopyrpc/gopyrpc/agent/proto"
)

// Faults say what becomes of the frames that a worker sends, in a test.
//
// Torch: FaultyTensorPipeAgent.
type Faults func(kind agentpb.Kind, call uint64) Fate

// Fate is what becomes of a frame. The zero Fate drops it.
type Fate struct {
	Times int             // that it is written: 1 for a frame without a fault, 2 to double it
	After <-chan struct{} // that has to be closed first, while later frames pass; nil for at once
}

// SetFaults has frames of all connections that are made from now on go through faults. It is for tests.
func (t *Transport) SetFaults(f Faults) { t.faults.Store(&f) }

// faulty puts the faults of a test, if there are any, in front of a writer.
func (t *Transport) faulty(w writer) writer {
	if f := t.faults.Load(); f != nil {
		return &faultyWriter{writer: w, faults: *f}
	}
	return w
}

// faultyWriter is a writer that drops, doubles and delays frames.
type faultyWriter struct {
	writer
	faults Faults
	mu     sync.Mutex // one goroutine at a time writes, those with delayed frames included
}

func (w *faultyWriter) write(f *outFrame) error {
	fate := w.faults(f.Kind, f.Call)
	if fate.After == nil {
		return w.times(fate.Times, f)
	}
	go func() {
		<-fate.After
		_ = w.times(fate.Times, f) // too late for an error: the sender gets it from the next frame
	}()
	return nil
}

// fits is the writer's, which is of one goroutine at a time, too.
func (w *faultyWriter) fits(size, unheard int64) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.writer.fits(size, unheard)
}

func (w *faultyWriter) times(n int, f *outFrame) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for range n {
		if err := w.writer.write(f); err != nil {
			return err
		}
	}
	return nil
}
