package pickle_test

import (
	"encoding/binary"
	"io"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/handler/pickle"
	"github.com/gopyrpc/gopyrpc/internal/interpreters"
)

// peer is a Python process that answers the questions of testdata/peer.py, one at a time.
type peer struct {
	stdin  io.Writer
	stdout io.Reader
}

func newPeer(t testing.TB, python interpreters.Interpreter) *peer {
	t.Helper()
	cmd := exec.Command(python.Executable, "-B", "testdata/peer.py")
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	require.NoError(t, err)
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = stdin.Close()
		_ = cmd.Wait()
	})
	return &peer{stdin, stdout}
}

func (p *peer) ask(t testing.TB, kind byte, fields ...[]byte) []byte {
	t.Helper()
	request := []byte{kind}
	for _, field := range fields {
		request = appendFrame(request, field)
	}
	_, err := p.stdin.Write(appendFrame(nil, request))
	require.NoError(t, err)
	var head [4]byte
	_, err = io.ReadFull(p.stdout, head[:])
	require.NoError(t, err, "python has ended")
	answer := make([]byte, binary.LittleEndian.Uint32(head[:]))
	_, err = io.ReadFull(p.stdout, answer)
	require.NoError(t, err)
	return answer
}

func appendFrame(to, data []byte) []byte {
	return append(binary.LittleEndian.AppendUint32(to, uint32(len(data))), data...)
}

// frames takes an answer of several frames apart.
func frames(data []byte) [][]byte {
	var found [][]byte
	for len(data) > 0 {
		size := binary.LittleEndian.Uint32(data)
		found = append(found, data[4:4+size])
		data = data[4+size:]
	}
	return found
}

// compare returns what differs between what a pickle makes and what its canonical form does, or "".
func (p *peer) compare(t testing.TB, kind byte, original []byte, canonical pickle.Output) string {
	t.Helper()
	fields := [][]byte{original, canonical.Pickle}
	for _, buffer := range canonical.Buffers {
		field := []byte{'b'}
		if buffer.Mutable {
			field[0] = 'a'
		}
		for _, part := range buffer.Data {
			field = append(field, part...)
		}
		fields = append(fields, field)
	}
	return string(p.ask(t, kind, fields...))
}
