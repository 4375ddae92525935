// Command numpy has numpy compute with Go's memory, and reads the result in numpy's.
// It shows how a slice becomes an array without a copy (pybridge.Memory), how an array's
// memory is read from Go (Object.View), and that a large module is imported at the start.
// It needs a Python with numpy.
//
//	go run ./examples/numpy
package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log"
	"unsafe"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

func main() {
	if err := run(context.Background()); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context) (err error) {
	rt, err := pybridge.Start(ctx, pybridge.WithPreload("numpy"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rt.Close(ctx)) }()

	latencies := make([]float64, 0, 1000)
	for i := range cap(latencies) {
		latencies = append(latencies, float64(i%100)/10)
	}
	quantiles, err := percentiles(ctx, rt, latencies, 50, 90, 99)
	if err != nil {
		return err
	}
	fmt.Println(len(latencies), "latencies")
	fmt.Printf("50 %%: %.2f ms, 90 %%: %.2f ms, 99 %%: %.2f ms\n", quantiles[0], quantiles[1], quantiles[2])
	return nil
	// Output:
	// 1000 latencies
	// 50 %: 4.95 ms, 90 %: 8.91 ms, 99 %: 9.80 ms
}

// percentiles is numpy.percentile(values, which). The values must not change meanwhile: numpy reads them where they are.
func percentiles(ctx context.Context, rt *pybridge.Runtime, values []float64, which ...int) ([]float64, error) {
	return gil.Call(ctx, func(t gil.Token) ([]float64, error) {
		numpy, err := rt.Import(t, "numpy")
		if err != nil {
			return nil, err
		}
		defer numpy.Release()
		array, err := arrayOf(t, numpy, values)
		if err != nil {
			return nil, err
		}
		defer array.Release()
		result, err := numpy.CallMethod(t, "percentile", array, which)
		if err != nil {
			return nil, err
		}
		defer result.Release()
		return floats(t, result)
	})
}

// arrayOf makes a read-only array of float64 in the slice's own memory.
func arrayOf(t gil.Token, numpy *pybridge.Object, values []float64) (*pybridge.Object, error) {
	bytes := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(values))), 8*len(values))
	return numpy.CallMethod(t, "frombuffer", pybridge.Memory{Data: bytes, Release: func() {}}, "float64")
}

// floats copies an array of float64.
func floats(t gil.Token, array *pybridge.Object) ([]float64, error) {
	view, err := array.View(t)
	if err != nil {
		return nil, err
	}
	defer view.Release()
	if view.Format != "d" || !view.Contiguous {
		return nil, fmt.Errorf("an array of %q, contiguous: %v; wanted is one of float64, contiguous", view.Format, view.Contiguous)
	}
	values := make([]float64, len(view.Bytes())/view.ItemSize)
	_, err = binary.Decode(view.Bytes(), binary.NativeEndian, values)
	return values, err
}
