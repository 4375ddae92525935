// Command gofunc gives Python a Go function to call.
// It shows how Go's arguments, results and errors look in Python: an error that wraps a class
// of Python's is raised as that class, and any other comes back to Go as the very same error.
// The function runs without the GIL, and its context ends when the call into Python does.
//
//	go run ./examples/gofunc
package main

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

//go:embed report/*.py
var python embed.FS

var errSensor = errors.New("the sensor is broken")

// temperature is what Python calls. It may wait, as for a database: the GIL is not held.
func temperature(ctx context.Context, args []any, _ map[string]any) (any, error) {
	if len(args) != 1 {
		return nil, fmt.Errorf("%w: one argument is wanted, got %d", pybridge.TypeError, len(args))
	}
	if err := ctx.Err(); err != nil {
		return nil, err // the caller of the Python function has left
	}
	switch args[0] {
	case "Bern":
		return 21.5, nil
	case "Oslo":
		return -3, nil
	case "Lima":
		return nil, errSensor
	}
	return nil, fmt.Errorf("%w: no station there", pybridge.KeyError)
}

func main() {
	if err := run(context.Background()); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context) (err error) {
	rt, err := pybridge.Start(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rt.Close(ctx)) }()
	if err := install(ctx, rt); err != nil {
		return err
	}
	for _, name := range []string{"Bern", "Oslo", "Atlantis", "Lima"} {
		line, err := report(ctx, rt, name)
		switch {
		case errors.Is(err, errSensor): // has come through Python
			fmt.Println(name+":", errSensor)
		case err != nil:
			return err
		default:
			fmt.Println(line)
		}
	}
	return nil
	// Output:
	// Bern: +21.5 °C
	// Oslo: -3.0 °C
	// Atlantis: unknown (no station there)
	// Lima: the sensor is broken
}

// report is report.line(name, temperature).
func report(ctx context.Context, rt *pybridge.Runtime, name string) (string, error) {
	return gil.Call(ctx, func(t gil.Token) (string, error) {
		module, err := rt.Import(t, "report")
		if err != nil {
			return "", err
		}
		defer module.Release()
		function, err := pybridge.NewFunc(t, ctx, "temperature", temperature)
		if err != nil {
			return "", err
		}
		defer function.Release()
		line, err := module.CallMethod(t, "line", name, function)
		if err != nil {
			return "", err
		}
		defer line.Release()
		return pybridge.As[string](t, line)
	})
}

// install makes the embedded package importable.
func install(ctx context.Context, rt *pybridge.Runtime) error {
	files, err := fs.Sub(python, "report")
	if err != nil {
		return err
	}
	return gil.With(ctx, func(t gil.Token) error { return rt.InstallPackage(t, "report", files) })
}
