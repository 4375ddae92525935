package handshake

import "net"

// Sniff reads the beginning of what came on a connection, and says whether it is a handshake's. If it is, [Server] goes
// on with it. If not, what is returned gives all of it again.
//
// Errors: the connection's.
//
// It blocks until the first byte that decides it is there.
func Sniff(conn net.Conn) (net.Conn, bool, error) {
	var begin [len(Magic)]byte
	for have := 0; have < len(begin); {
		n, err := conn.Read(begin[have:])
		have += n
		if string(begin[:have]) != Magic[:have] {
			return &replayed{Conn: conn, begin: begin[:have]}, false, nil // an error comes again
		}
		if err != nil && have < len(begin) {
			return nil, false, err
		}
	}
	return conn, true, nil
}

// replayed is a connection of which something was read before.
type replayed struct {
	net.Conn
	begin []byte
}

func (r *replayed) Read(p []byte) (int, error) {
	if len(r.begin) > 0 {
		n := copy(p, r.begin)
		r.begin = r.begin[n:]
		return n, nil
	}
	return r.Conn.Read(p)
}
