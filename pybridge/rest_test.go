package pybridge_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/gopyrpc/gopyrpc/internal/procmem"
	"github.com/gopyrpc/gopyrpc/internal/pythontest"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// churn makes and frees 256 MiB in pieces, on four threads at once, and keeps a little at the end of what each had.
const churn = `
import builtins, threading
kept = builtins.kept = []
ready = threading.Barrier(4)
def work():
    ready.wait()
    pieces = [bytes(100_000) for _ in range(640)]
    kept.append(bytes(100_000))
    ready.wait()
    del pieces
threads = [threading.Thread(target=work) for _ in range(4)]
for t in threads: t.start()
for t in threads: t.join()
`

// arenas prints how many glibc has made, and nothing where another C library is.
const arenas = `
import ctypes, os, tempfile
libc = ctypes.CDLL(None)
if hasattr(libc, "malloc_info"):
    libc.fdopen.restype = ctypes.c_void_p
    with tempfile.TemporaryFile() as f:
        stream = ctypes.c_void_p(libc.fdopen(os.dup(f.fileno()), b"w"))
        libc.malloc_info(0, stream)
        libc.fclose(stream)
        f.seek(0)
        print("arenas", f.read().count(b"<heap nr="))
else: print("arenas 1")
`

func init() {
	pythontest.Register("memory comes back", running(func(ctx context.Context, rt *pybridge.Runtime) error {
		before := resident()
		err := statements(ctx, rt, churn)
		after := resident()
		minute := time.After(time.Minute)
		for looks := time.Tick(100 * time.Millisecond); resident() > before+64<<20; {
			select {
			case <-looks:
			case <-minute:
				return fmt.Errorf("%d MiB before, %d after, and %d a minute later", before>>20, after>>20, resident()>>20)
			}
		}
		return err
	}, pybridge.WithKeptMemory(1<<30)))
	pythontest.Register("one arena", running(func(ctx context.Context, rt *pybridge.Runtime) error {
		return errors.Join(statements(ctx, rt, churn), statements(ctx, rt, arenas))
	}))
}

// resident is the process's memory in bytes.
func resident() int {
	size, err := procmem.Read()
	if err != nil {
		panic(err)
	}
	return size.Resident
}

// TestMemoryComesBack: what was freed is the kernel's again when nobody has called for a while, also where malloc was
// told to keep it.
func TestMemoryComesBack(t *testing.T) { runs(t, "memory comes back") }

// TestArenas: malloc has one for all threads, unless the environment says otherwise.
func TestArenas(t *testing.T) {
	assert.Equal(t, "arenas 1\n", runs(t, "one arena", "MALLOC_ARENA_MAX="))
	var n int
	_, _ = fmt.Sscanf(strings.TrimSpace(runs(t, "one arena", "MALLOC_ARENA_MAX=3")), "arenas %d", &n)
	assert.Greater(t, n, 1)
}
