package handler_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/handler"
	"github.com/gopyrpc/gopyrpc/handler/wire"
	"github.com/gopyrpc/gopyrpc/internal/pythontest"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

const (
	gib          = 1 << 30
	caseVariable = "GOPYRPC_TEST_LARGE_CASE"
)

func init() { pythontest.Register("large", script(large)) }

// TestLarge: how much memory a call with a gibibyte takes at its peak, beyond its payload, which is
// there before. Each case is a process of its own, as the peak of a process never falls.
func TestLarge(t *testing.T) {
	if os.Getenv("GOPYRPC_TEST_HEAVY") != "1" {
		t.Skip("takes gibibytes of memory: GOPYRPC_TEST_HEAVY=1 runs it")
	}
	for name, most := range map[string]float64{
		"in":     1.1, // the argument
		"out":    2.1, // the result and its pickle, then the pickle and what Go gets
		"echo":   2.1,
		"tensor": 0.1, // it is not copied at all
		"flat":   1.1, // what arrives; sending takes nothing
	} {
		t.Run(name, func(t *testing.T) {
			took := extra(t, name)
			t.Logf("%.3f of 1 GiB", took)
			assert.LessOrEqual(t, took, most)
		})
	}
}

// TestClaimsTakeNoMemory: pickles of a few bytes that announce a gibibyte.
func TestClaimsTakeNoMemory(t *testing.T) { assert.LessOrEqual(t, extra(t, "claims"), 0.1) }

// extra is what a case took at its peak, in gibibytes.
func extra(t *testing.T, name string) float64 {
	t.Helper()
	stdout, stderr, code := pythontest.Script(t, "large", caseVariable+"="+name)
	require.Equal(t, 0, code, "stdout:\n%s\nstderr:\n%s", stdout, stderr)
	if strings.HasPrefix(stdout, "skip") {
		t.Skip(stdout)
	}
	var before, after float64
	_, err := fmt.Sscan(stdout, &before, &after)
	require.NoError(t, err, stdout)
	return (after - before) / gib
}

// large prints the peak before and after what a case does.
func large(ctx context.Context, rt *pybridge.Runtime) error {
	h, err := handler.New(ctx, rt)
	if err != nil {
		return err
	}
	work, err := map[string]func(context.Context, *handler.Handler, *pybridge.Runtime) (func() error, error){
		"in": largeIn, "out": largeOut, "echo": largeEcho, "tensor": largeTensor, "flat": largeFlat, "claims": claims,
	}[os.Getenv(caseVariable)](ctx, h, rt)
	if errors.Is(err, pybridge.ImportError) {
		fmt.Println("skip: PyTorch is not installed for", rt.Version())
		return nil
	}
	if err != nil {
		return err
	}
	before, err := peak()
	if err != nil {
		return err
	}
	if err := work(); err != nil {
		return err
	}
	after, err := peak()
	fmt.Println(before, after)
	return err
}

// peak is the most memory that the process had at a time, in bytes.
func peak() (int64, error) {
	f, err := os.Open("/proc/self/status")
	if err != nil {
		return 0, err
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if fields := strings.Fields(lines.Text()); fields[0] == "VmHWM:" {
			kib, err := strconv.ParseInt(fields[1], 10, 64)
			return kib << 10, err
		}
	}
	return 0, errors.New("/proc/self/status has no VmHWM")
}

// calling is the pickled call of a function with one argument, which is an opcode and size bytes.
func calling(module, name string, size int) handler.Payload {
	head := binary.LittleEndian.AppendUint64([]byte("\x80\x05cgopyrpc.internal\nPythonUDF\nc"+module+"\n"+name+"\n\x8e"), uint64(size))
	tail := "\x85}\x87\x81."
	data := make([]byte, len(head)+size+len(tail))
	for i := 0; i < len(data); i += 4096 {
		data[i] = 1 // so that the pages exist
	}
	copy(data, head)
	copy(data[len(head)+size:], tail)
	return handler.Payload{Data: data}
}

func returning(ctx context.Context, h *handler.Handler, p handler.Payload, least int) func() error {
	return func() error {
		out, err := h.RunUDF(ctx, p)
		if err == nil && len(out.Data) < least {
			err = fmt.Errorf("a result of %d bytes: %.300q", len(out.Data), out.Data)
		}
		return err
	}
}

func largeIn(ctx context.Context, h *handler.Handler, _ *pybridge.Runtime) (func() error, error) {
	return returning(ctx, h, calling("builtins", "len", gib), 1), nil
}

func largeOut(ctx context.Context, h *handler.Handler, _ *pybridge.Runtime) (func() error, error) {
	data := binary.LittleEndian.AppendUint32([]byte("\x80\x05cgopyrpc.internal\nPythonUDF\ncudfs\nfill\nJ"), gib)
	return returning(ctx, h, handler.Payload{Data: append(data, "\x85}\x87\x81."...)}, gib), nil
}

func largeEcho(ctx context.Context, h *handler.Handler, _ *pybridge.Runtime) (func() error, error) {
	return returning(ctx, h, calling("udfs", "echo", gib), gib), nil
}

// tensorCall is the call of echo with a tensor of so many bytes.
func tensorCall(ctx context.Context, h *handler.Handler, rt *pybridge.Runtime, size int) (p handler.Payload, err error) {
	if err := rt.Preload(ctx, "torch"); err != nil {
		return p, err
	}
	var call *pybridge.Object
	err = gil.With(ctx, func(t gil.Token) error {
		udfs, err := rt.Import(t, "udfs")
		if err != nil {
			return err
		}
		defer udfs.Release()
		call, err = udfs.CallMethod(t, "call_with_tensor", size)
		return err
	})
	if err != nil {
		return p, err
	}
	defer call.Release()
	return h.Serialize(ctx, call)
}

func largeTensor(ctx context.Context, h *handler.Handler, rt *pybridge.Runtime) (func() error, error) {
	p, err := tensorCall(ctx, h, rt, gib)
	return func() error {
		out, err := h.RunUDF(ctx, p)
		defer out.Release()
		if err == nil && len(out.Tensors) != 1 {
			err = fmt.Errorf("%d tensors", len(out.Tensors))
		}
		return err
	}, err
}

func largeFlat(ctx context.Context, h *handler.Handler, rt *pybridge.Runtime) (func() error, error) {
	p, err := tensorCall(ctx, h, rt, gib)
	return func() error {
		flat, err := h.Flatten(ctx, p)
		if err != nil {
			return err
		}
		defer flat.Release()
		r, w := io.Pipe()
		go func() {
			_, err := flat.WriteTo(w)
			w.CloseWithError(err)
		}()
		got, err := h.Unflatten(ctx, r, wire.Limits{Bytes: gib})
		got.Release()
		return err
	}, err
}

func claims(ctx context.Context, h *handler.Handler, rt *pybridge.Runtime) (func() error, error) {
	careful, err := handler.New(ctx, rt, handler.WithAllow("udfs"))
	return func() error {
		for _, h := range []*handler.Handler{h, careful} {
			for _, opcode := range []byte{0x8d, 0x8e, 0x95, 0x96} {
				data := append(claiming(opcode, gib), bytes.Repeat([]byte("x"), 20)...)
				if _, err := h.RunUDF(ctx, handler.Payload{Data: data}); !errors.Is(err, handler.DeserializeError) {
					return fmt.Errorf("%q: %w", data, err)
				}
			}
		}
		// Memo number 2**27, for which CPython would make a memo of 2 GiB.
		for _, data := range []string{"\x80\x05Nr\x00\x00\x00\x08.", "\x80\x05Np134217728\n."} {
			o, err := careful.Deserialize(ctx, handler.Payload{Data: []byte(data)})
			if err != nil && !errors.Is(err, handler.DeserializeError) {
				return err
			}
			o.Release()
		}
		return nil
	}, err
}
