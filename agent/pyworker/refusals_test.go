package pyworker_test

import (
	"bytes"
	"encoding/binary"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/agent"
	"github.com/gopyrpc/gopyrpc/agent/pyworker"
	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/handler"
	"github.com/gopyrpc/gopyrpc/handler/wire"
	"github.com/gopyrpc/gopyrpc/internal/pythontest"
)

// lines is a log to look at.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer // guarded by mu
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

// take gives the lines with a text, and forgets all.
func (l *lines) take(text string) (found []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range strings.Lines(l.text.String()) {
		if strings.Contains(line, text) {
			found = append(found, line)
		}
	}
	l.text.Reset()
	return found
}

// restrictedPair is w0, which may call what the list of w1 says, and the log of w1.
func restrictedPair(t *testing.T, list ...string) ([]*pyworker.Worker, *lines) {
	log := &lines{}
	workers := group(t, 2, func(rank int, c *pyworker.Config) {
		if rank == 1 {
			c.Policy = &agent.Policy{Default: list}
			c.Logger = slog.New(slog.NewTextHandler(log, nil))
		}
	})
	return workers, log
}

// raw sends w1 a pickle of ours.
func raw(t *testing.T, w *pyworker.Worker, pickle string) []byte {
	t.Helper()
	reply, err := w.RunUDF(t.Context(), "w1", handler.Payload{Data: []byte(pickle)})
	require.NoError(t, err, "%q", pickle)
	require.Empty(t, reply.Tensors)
	return reply.Data
}

// named is the pickle of a call of a function without arguments.
func named(module, name string) string {
	return "\x80\x04" + global("gopyrpc.internal", "PythonUDF") + global(module, name) + ")}\x87R."
}

func global(module, name string) string { return unicode(module) + unicode(name) + "\x93" }

func unicode(text string) string {
	return "X" + string(binary.LittleEndian.AppendUint32(nil, uint32(len(text)))) + text
}

// TestRefusedWithoutPython: while nobody can enter Python, what is refused is answered.
func TestRefusedWithoutPython(t *testing.T) {
	workers, _ := restrictedPair(t, "math")
	system := named("os", "system")
	raw(t, workers[0], system) // that w1 knows who w0 is
	var forbidden, malformed []byte
	pythontest.With(t, func(gil.Token) {
		over := make(chan struct{})
		go func() {
			defer close(over)
			forbidden, malformed = raw(t, workers[0], system), raw(t, workers[0], system[:20])
		}()
		<-over
	})
	require.NoError(t, inside(t, workers[0], "refusals", "check_as_pythons", forbidden, true))
	require.NoError(t, inside(t, workers[0], "refusals", "check_as_pythons", malformed, false))
	require.NoError(t, inside(t, workers[0], "refusals", "check_texts", forbidden,
		"cannot deserialize: gopyrpc.internal.ForbiddenGlobal: os:system is not on the allow-list", "; the entry os:system would let it in"))
	require.NoError(t, inside(t, workers[0], "refusals", "check_texts", malformed, "cannot deserialize: _pickle.UnpicklingError: pickle: at byte "))
}

// TestRefusedTensors: a pickle is looked at before there are the tensors that came with it, of which there are not too many.
func TestRefusedTensors(t *testing.T) {
	workers, _ := restrictedPair(t, "math")
	raw(t, workers[0], named("os", "system")) // that w1 knows who w0 is
	flat := func(tensors int) agent.Request {
		pickle := named("os", "system")
		float32s, _ := wire.DTypeOf("float32")
		head := wire.Head{Data: int64(len(pickle)), Storages: []int64{4}, Tensors: slices.Repeat([]wire.Tensor{{DType: float32s}}, tensors)}
		b, err := head.Append(nil)
		require.NoError(t, err)
		return agent.Request{Body: agent.Bytes(append(append(b, pickle...), 0, 0, 0, 0))}
	}
	var reply agent.Reply
	var err error
	pythontest.With(t, func(gil.Token) {
		over := make(chan struct{})
		go func() {
			defer close(over)
			reply, err = workers[0].Agent().Call(t.Context(), "w1", flat(2))
		}()
		<-over
	})
	require.NoError(t, err)
	require.NoError(t, inside(t, workers[0], "refusals", "check_texts", reply.Body.Bytes(), "os:system is not on the allow-list"))
	_, err = workers[0].Agent().Call(t.Context(), "w1", flat(1<<16+1))
	assert.ErrorContains(t, err, "tensors: 65537, allowed are 65536")
}

// TestRefusalsAreLogged: who, what and why, so often in a minute, and in one line each.
func TestRefusalsAreLogged(t *testing.T) {
	workers, log := restrictedPair(t, "math", "listed")
	system := named("os", "system")
	raw(t, workers[0], system)
	said := log.take("a peer was refused something")
	require.Len(t, said, 1)
	assert.Contains(t, said[0], `peer=w0 name=os:system rule="is not on the allow-list" entry_that_lets_it_in=os:system`)

	getpid := named("listed", "getpid") // which is Python's to refuse: the module has it, and imports it
	require.NoError(t, inside(t, workers[0], "refusals", "check_texts", raw(t, workers[0], getpid), "listed:getpid is not defined in that module"))
	said = log.take("a peer was refused something")
	require.Len(t, said, 1)
	assert.Contains(t, said[0], "peer=w0 name=listed:getpid")
	assert.Contains(t, said[0], "entry_that_lets_it_in=listed:getpid")

	for range 50 {
		raw(t, workers[0], system)
		raw(t, workers[0], getpid)
	}
	said = log.take("pyworker: ")
	require.Len(t, said, 9, "of ten in a minute, and that there are more")
	assert.Contains(t, said[8], "counted, and not logged\" peer=w0")
	assert.Equal(t, uint64(102), workers[1].Stats().Peers["w0"].Forbidden)
}

// TestRefusalsArePrintable: what a peer sends prints as one line, whatever it is.
func TestRefusalsArePrintable(t *testing.T) {
	workers, log := restrictedPair(t, "math")
	for _, name := range []string{"e\x1b[2Jvil\x00\r\u202e", "x\ny", "\xed\xa0\x80", "ǘ", strings.Repeat("a", 10000), strings.Repeat("€", 3000), "\U000e0001"} {
		for _, pickle := range []string{named(name, "f"), named("m", name), named("math", name)} {
			data := raw(t, workers[0], pickle)
			require.NoError(t, inside(t, workers[0], "refusals", "check_printable", data), "%q", name)
		}
	}
	said := log.take("a peer was refused something")
	assert.NotEmpty(t, said)
	for _, line := range said {
		assert.Equal(t, 1, strings.Count(line, "\n"))
		assert.Equal(t, line, strings.ToValidUTF8(line, ""))
		assert.Equal(t, -1, strings.IndexFunc(strings.TrimSuffix(line, "\n"), func(c rune) bool { return !strconv.IsPrint(c) }), "%q", line)
	}
}
