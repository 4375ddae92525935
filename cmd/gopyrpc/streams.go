package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// unbufferedVariable, when it is not empty, has Python's streams write everything at once, as with python3.
const unbufferedVariable = "PYTHONUNBUFFERED"

// output is the command's standard output. It keeps the first error of a write, because cobra's Print functions drop it:
// a command whose output did not arrive, as on a full disk, must not end with status 0.
type output struct {
	w   io.Writer
	mu  sync.Mutex
	err error
}

func (o *output) Write(p []byte) (int, error) {
	n, err := o.w.Write(p)
	if err != nil {
		o.mu.Lock()
		defer o.mu.Unlock()
		if o.err == nil {
			o.err = err
		}
	}
	return n, err
}

// failure is why some of the output is missing, or nil.
func (o *output) failure() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err == nil {
		return nil
	}
	return fmt.Errorf("the output is not complete: %w", o.err)
}

// flushStdout writes what functions printed, so that it stands before what the command prints. What cannot be flushed
// is reported when Python is closed.
func flushStdout(t gil.Token, rt *pybridge.Runtime) {
	stdout, err := resolve(t, rt, "sys", "stdout")
	if err != nil {
		return
	}
	defer stdout.Release()
	done, err := stdout.CallMethod(t, "flush")
	if err == nil {
		done.Release()
	}
}

// writeLines has sys.stdout write each line when it is complete, whatever it is. sys.stderr does so anyway.
func writeLines(t gil.Token, rt *pybridge.Runtime) error {
	if os.Getenv(unbufferedVariable) != "" {
		return writeAtOnce(t, rt)
	}
	stdout, err := resolve(t, rt, "sys", "stdout")
	if err != nil {
		return err
	}
	defer stdout.Release()
	reconfigure, err := stdout.Attr(t, "reconfigure")
	if errors.Is(err, pybridge.AttributeError) {
		return nil // None, as descriptor 1 was closed
	}
	if err != nil {
		return err
	}
	defer reconfigure.Release()
	done, err := reconfigure.CallKw(t, nil, map[string]any{"line_buffering": true})
	done.Release()
	return err
}

// writeAtOnce makes streams without buffers of sys.stdout and sys.stderr, as CPython does under PYTHONUNBUFFERED, which
// an isolated one does not look at.
func writeAtOnce(t gil.Token, rt *pybridge.Runtime) error {
	for _, name := range []string{"stdout", "stderr"} {
		if err := unbuffer(t, rt, name); err != nil {
			return err
		}
	}
	return nil
}

func unbuffer(t gil.Token, rt *pybridge.Runtime, name string) error {
	sys, err := rt.Import(t, "sys")
	if err != nil {
		return err
	}
	defer sys.Release()
	stream, err := sys.Attr(t, name)
	if err != nil {
		return err
	}
	defer stream.Release()
	keywords := map[string]any{"write_through": true, "newline": "\n"}
	for _, kept := range []string{"encoding", "errors", "line_buffering"} {
		value, err := stream.Attr(t, kept)
		if errors.Is(err, pybridge.AttributeError) {
			return nil // None, as its descriptor was closed
		}
		if err != nil {
			return err
		}
		defer value.Release()
		keywords[kept] = value
	}
	raw, err := detached(t, stream)
	if err != nil {
		return err
	}
	defer raw.Release()
	class, err := resolve(t, rt, "io", "TextIOWrapper")
	if err != nil {
		return err
	}
	defer class.Release()
	unbuffered, err := class.CallKw(t, []any{raw}, keywords)
	if err != nil {
		return err
	}
	defer unbuffered.Release()
	return errors.Join(unbuffered.SetAttr(t, "mode", "w"), sys.SetAttr(t, name, unbuffered), sys.SetAttr(t, "__"+name+"__", unbuffered))
}

// detached is the file below a text stream and its buffer, which are of no use afterwards.
func detached(t gil.Token, stream *pybridge.Object) (*pybridge.Object, error) {
	buffer, err := stream.CallMethod(t, "detach")
	if err != nil {
		return nil, err
	}
	defer buffer.Release()
	return buffer.CallMethod(t, "detach")
}
