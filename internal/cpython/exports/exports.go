// Package exports has the C functions of the shared library libgopyrpc, by which a Python program starts the Go side of
// the package gopyrpc (python/gopyrpc/_rpc/library.py). They take and give text and numbers; what they do is [Serve]'s.
//
// Python calls them without the GIL (ctypes.CDLL), on any thread.
package exports

/*
#include <stddef.h>
*/
import "C"

import (
	"context"
	"time"
	"unsafe"
)

// Library is what the functions call.
type Library interface {
	// Version is that of the Python files that the library was built with.
	Version() string
	// Start lets Python start agents.
	Start(ctx context.Context) error
	// Leave ends the agent that runs, if there is one.
	Leave(ctx context.Context) error
}

var library Library

// Serve has the functions call l. It is called once, before the library is loaded completely.
func Serve(l Library) { library = l }

// gopyrpc_version writes the library's version to text, which has room for so many bytes.
//
//export gopyrpc_version
func gopyrpc_version(text *C.char, room C.size_t) { write(library.Version(), text, room) }

// gopyrpc_start returns 0, or 1 with the reason in message, which has room for so many bytes.
//
//export gopyrpc_start
func gopyrpc_start(message *C.char, room C.size_t) C.int {
	return answer(library.Start(context.Background()), message, room)
}

// gopyrpc_leave returns within so many seconds, or little later: 0, or 1 with the reason in message.
//
//export gopyrpc_leave
func gopyrpc_leave(seconds C.double, message *C.char, room C.size_t) C.int {
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(float64(seconds)*float64(time.Second)))
	defer cancel()
	return answer(library.Leave(ctx), message, room)
}

func answer(err error, message *C.char, room C.size_t) C.int {
	if err == nil {
		return 0
	}
	write(err.Error(), message, room)
	return 1
}

// write writes text as C has it: at most room bytes, the last of them 0.
func write(text string, to *C.char, room C.size_t) {
	if room > 0 {
		bytes := unsafe.Slice((*byte)(unsafe.Pointer(to)), int(room))
		bytes[copy(bytes[:len(bytes)-1], text)] = 0
	}
}
