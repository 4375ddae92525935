// Command call calls a function of a Python package that is part of the binary.
// It shows how Python is started and closed, how arguments and results are converted,
// and how an exception arrives as a Go error with its class and its traceback.
//
//	go run ./examples/call
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

//go:embed pricing/*.py
var python embed.FS

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

	pricing, err := install(ctx, rt)
	if err != nil {
		return err
	}
	defer pricing.Release()

	total, err := quote(ctx, pricing, "tea", 3)
	if err != nil {
		return err
	}
	fmt.Printf("3 × tea: %.2f\n", total)

	_, err = quote(ctx, pricing, "gold", 1)
	var raised *pybridge.Error
	if !errors.As(err, &raised) {
		return fmt.Errorf("gold has a price: %w", err)
	}
	fmt.Println(raised)
	fmt.Println("a LookupError:", errors.Is(err, pybridge.LookupError))
	fmt.Println("raised in:", raised.Traceback[len(raised.Traceback)-1].Function)
	return nil
	// Output:
	// 3 × tea: 12.15
	// pricing.Unknown: no price for gold
	// a LookupError: true
	// raised in: quote
}

// install makes the embedded package importable, and imports it.
func install(ctx context.Context, rt *pybridge.Runtime) (pricing *pybridge.Object, err error) {
	files, err := fs.Sub(python, "pricing")
	if err != nil {
		return nil, err
	}
	err = gil.With(ctx, func(t gil.Token) error {
		if err := rt.InstallPackage(t, "pricing", files); err != nil {
			return err
		}
		pricing, err = rt.Import(t, "pricing")
		return err
	})
	return pricing, err
}

// quote is pricing.quote(item, count, discount=0.1).
func quote(ctx context.Context, pricing *pybridge.Object, item string, count int) (float64, error) {
	return gil.Call(ctx, func(t gil.Token) (float64, error) {
		function, err := pricing.Attr(t, "quote")
		if err != nil {
			return 0, err
		}
		defer function.Release()
		result, err := function.CallKw(t, []any{item, count}, map[string]any{"discount": 0.1})
		if err != nil {
			return 0, err
		}
		defer result.Release()
		return pybridge.As[float64](t, result)
	})
}
