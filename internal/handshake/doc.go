// Package handshake is how two agents prove to each other that they have tokens of one secret, on a connection on which
// nothing else was sent yet. It is mutual authentication in three passes with a keyed hash (ISO/IEC 9798-4, 7.2.2),
// with the keys and the transcript as TLS 1.3 has them for its Finished messages (RFC 8446, 4.4.4), and bound to the
// channel by tls-exporter (RFC 9266).
//
// Every message begins with [Magic], one byte that says what it is, and the length of the rest in two bytes, the highest
// first. Numbers are unsigned, a name is one byte with its length and its letters.
//
//	hello      1, caller:  version (1 byte), flags (1), incarnation (8), nonce (32), own name, the called worker's name
//	challenge  2, called:  version (1), incarnation (8), nonce (32), own name, proof (32)
//	proof      3, caller:  proof (32)
//	accept     4, called:  nothing
//	refuse     5, either, in place of any later message: version (1), reason (1), own name. It is the last one
//
// Flag 1 says that the caller has the key of every name; the others are 0. The called worker's name is empty where only its
// address is known. The key K is that of the called worker's name if flag 1 is set, and of the caller's name otherwise;
// what makes keys of a secret is not this package's.
//
//	transcript = SHA-256(hello ‖ challenge without its proof)
//	PRK        = HKDF-Extract(salt = transcript, K)                        with SHA-256
//	binding    = 0 in clear text; 1 ‖ tls-exporter (32 bytes) under TLS
//	proof of the called  = HMAC-SHA-256(HKDF-Expand(PRK, "gopyrpc handshake 2 called", 32), transcript ‖ binding)
//	proof of the caller  = HMAC-SHA-256(HKDF-Expand(PRK, "gopyrpc handshake 2 caller", 32), transcript ‖ binding)
//
// The called side proves first: until then the caller has sent only names and a nonce. After accept the
// connection is the application's.
package handshake
