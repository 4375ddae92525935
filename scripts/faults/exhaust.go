package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"sync"
	"syscall"

	"github.com/gopyrpc/gopyrpc/handler"
	"github.com/gopyrpc/gopyrpc/internal/procmem"
)

// exhaustFaults use up memory, stack or descriptors, of which a process or a thread has only so much.
func exhaustFaults() []fault {
	const answer = "MemoryError, as often as it is tried; the next call is answered"
	const tooDeep = "an error that says RecursionError; the process goes on"
	return []fault{
		{name: "memory-process", injected: "4 GB are asked for in a process that may have 1.2 GB more", must: answer,
			do: confined(func(w *world) { w.outcome("MemoryError", "allocate", int64(4)<<30) })},
		{name: "memory-hoard", injected: "a function keeps 256 MB, and 256 MB more, in a process that may have 1.2 GB more", must: answer,
			do: confined(func(w *world) {
				for range 10 {
					w.outcome("MemoryError", "hoard", 256<<20)
				}
			})},
		{name: "memory-callers", injected: "4 callers at once ask for 4 GB each, 100 times", must: answer,
			do: confined(func(w *world) {
				call := w.payload("allocate", int64(4)<<30)
				var wg sync.WaitGroup
				for range 4 {
					wg.Go(func() {
						for range 100 {
							_, err := w.run(background, call)
							w.check(err != nil && strings.Contains(err.Error(), "MemoryError"), "not a MemoryError: %v", err)
						}
					})
				}
				wg.Wait()
				w.did("400 × MemoryError")
			})},
		{name: "memory-result", injected: "a result of 700 MB, which there is no memory to pickle", must: "SerializeError, MemoryError inside; the next call is answered",
			do: confined(func(w *world) {
				_, err := w.call("zeros", 700<<20)
				w.checkIs(err, handler.SerializeError, "RunUDF")
				w.check(err != nil && strings.Contains(err.Error(), "MemoryError"), "not a MemoryError: %v", err)
				w.did("%s", cut(fmt.Sprint(err)))
			})},
		{name: "memory-result-large", injected: "a result of 300 MB, which is there three times on its way", must: "the result",
			do: usual(func(w *world) {
				sent, err := w.h.RunUDF(background, w.payload("zeros", 300<<20))
				w.must(err)
				w.check(len(sent.Data) > 300<<20, "the pickle has %d bytes", len(sent.Data))
				w.did("%d MB", len(sent.Data)>>20)
				sent.Release()
			})},
		{name: "recursion-pickling", injected: "a result nested 100,000 deep", must: "SerializeError, RecursionError inside",
			do: outcome("RecursionError", "nested", 100000)},
		{name: "recursion-getstate", injected: "a result whose __getstate__ is itself to be pickled, without end", must: tooDeep,
			do: outcome("RecursionError", "endless_state")},
		{name: "recursion-reduce", injected: "a result whose __reduce__ pickles itself", must: tooDeep, do: outcome("RecursionError", "endless_reduce")},
		{name: "recursion-unpickling", injected: "a payload that unpickles a payload, 5,000 deep", must: "an error; the process goes on",
			do: usual(func(w *world) {
				w.refused(unpicklers(5000)) // how deep C code may go depends on the version
				w.did("refused")
			})},
		{name: "recursion-init", injected: "a result whose constructor recurses without end where it is unpickled", must: "an error for the caller; the process goes on",
			do: outcome("RecursionError", "endless_init")},
	}
}

// confined is usual in a process that can have 1.2 GB more of address space than it has now. Less would not do: Go's runtime
// ends the process when it gets no memory, and a thread takes 16 MB for its stack, and up to 128 MB for glibc's arena.
func confined(f func(*world)) func(*probe) {
	return usual(func(w *world) {
		size, err := procmem.Read()
		w.must(err)
		limit := uint64(size.Virtual) + 1200<<20
		w.must(syscall.Setrlimit(syscall.RLIMIT_AS, &syscall.Rlimit{Cur: limit, Max: limit}))
		f(w)
	})
}

// unpicklers is a pickle that calls pickle.loads with a pickle of the same kind, and so on.
func unpicklers(depth int) []byte {
	const call, end = "c_pickle\nloads\nB....", "\x85R."
	var data bytes.Buffer
	data.Grow(depth * len(call+end))
	for n := depth; n > 0; n-- {
		data.WriteString(call[:len(call)-4])
		size := (n-1)*len(call+end) + len("N.")
		data.Write(binary.LittleEndian.AppendUint32(nil, uint32(size)))
	}
	data.WriteString("N.")
	data.WriteString(strings.Repeat(end, depth))
	return data.Bytes()
}
