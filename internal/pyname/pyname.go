// Package pyname has the names by which Go and Python know each other's parts. A name that is matched as text somewhere
// is made of these: Python makes its own of the package's __name__ (python/gopyrpc/_name.py), and package pybridge
// hands them to its Python files.
package pyname

const (
	// Package is the Python package that package handler carries, and Python programs import.
	Package = "gopyrpc"
	// Internal is the module by which pickles name what is the package's.
	Internal = Package + ".internal"
	// Restricted is the module by which a canonical pickle names the stand-ins of package handler/policy. There is none of
	// that name, so that no payload can import it.
	Restricted = Package + ".restricted"
	// Frames begins the file names of the code that the binary carries, as tracebacks show them.
	Frames = "<" + Package + ">/"
	// Bridge is the module that package pybridge brings.
	Bridge = "_" + Package + "_bridge"
)
