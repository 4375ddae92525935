package discover_test

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/internal/cpython/discover"
)

func TestLibraryPlaces(t *testing.T) {
	assert.Equal(t, []string{
		"/p/lib/libpython3.13.so.1.0", "/p/lib/libpython3.13.so",
		"/p/lib/aarch64-linux-gnu/libpython3.13.so.1.0", "/p/lib/aarch64-linux-gnu/libpython3.13.so",
		"/p/lib64/libpython3.13.so.1.0", "/p/lib64/libpython3.13.so",
	}, discover.LibraryPlaces("linux", "arm64", "/p", 13))

	const framework = "/Library/Frameworks/Python.framework/Versions/3.12"
	assert.Equal(t, []string{
		framework + "/lib/libpython3.12.dylib", framework + "/lib/Python", framework + "/lib/Python3",
		framework + "/libpython3.12.dylib", framework + "/Python", framework + "/Python3",
	}, discover.LibraryPlaces("darwin", "arm64", framework, 12))
}

func TestLibraryVersion(t *testing.T) {
	for name, version := range map[string]string{
		"libpython3.11.so.1.0":                                                    "3.11",
		"/usr/lib/libpython3.13t.so":                                              "3.13t",
		"@rpath/libpython3.14.dylib":                                              "3.14",
		"/Library/Frameworks/Python.framework/Versions/3.12/Python":               "3.12",
		"@executable_path/../../../../Python3.framework/Versions/3.9/Python3":     "3.9",
		"/opt/homebrew/Frameworks/PythonT.framework/Versions/3.14/PythonT":        "3.14t",
		"/usr/local/opt/python@3.10/Frameworks/Python.framework/Versions/Current": "",
		"libpython3.so": "",
		"libother.so":   "",
	} {
		got, ok := discover.LibraryVersion(name)
		assert.Equal(t, version != "", ok, name)
		if ok {
			assert.Equal(t, version, got)
		}
	}
}

const cpuAmd64, cpuArm64 = 0x0100_0007, 0x0100_000c

// machO makes a Mach-O file with an install name and one symbol, defined or imported.
func machO(t *testing.T, cpu, kind uint32, installName, symbol string, defined bool) []byte {
	t.Helper()
	le := binary.LittleEndian
	name := append([]byte(installName), make([]byte, 8-len(installName)%8)...)
	id := le.AppendUint32(nil, 0xd) // LC_ID_DYLIB
	id = le.AppendUint32(id, uint32(24+len(name)))
	id = le.AppendUint32(id, 24)
	id = append(append(id, make([]byte, 12)...), name...)

	const header = 32
	symbols := uint32(header + len(id) + 24)
	symtab := le.AppendUint32(nil, 0x2) // LC_SYMTAB
	for _, n := range []uint32{24, symbols, 1, symbols + 16, uint32(len(symbol) + 3)} {
		symtab = le.AppendUint32(symtab, n)
	}

	file := le.AppendUint32(nil, 0xfeedfacf)
	for _, n := range []uint32{cpu, 0, kind, 2, uint32(len(id) + len(symtab)), 0, 0} {
		file = le.AppendUint32(file, n)
	}
	file = append(append(file, id...), symtab...)
	file = le.AppendUint32(file, 1) // of the name
	kindOfSymbol := byte(0x01)      // external
	if defined {
		kindOfSymbol = 0x0f
	}
	file = append(file, kindOfSymbol, 1, 0, 0)
	file = le.AppendUint64(file, 0)
	return append(file, "\x00_"+symbol+"\x00"...)
}

// fat puts files for several processors into one.
func fat(files map[uint32][]byte) []byte {
	be, at := binary.BigEndian, uint32(4096)
	out := be.AppendUint32(be.AppendUint32(nil, 0xcafebabe), uint32(len(files)))
	body := make([]byte, 0, 8192)
	for cpu, file := range files {
		for _, n := range []uint32{cpu, 0, at + uint32(len(body)), uint32(len(file)), 3} {
			out = be.AppendUint32(out, n)
		}
		body = append(body, file...)
		body = append(body, make([]byte, 8-len(body)%8)...)
	}
	return append(append(out, make([]byte, int(at)-len(out))...), body...)
}

func TestCheckLibraryOfMacOS(t *testing.T) {
	const (
		framework = "/Library/Frameworks/Python.framework/Versions/3.12/Python"
		begins    = "Py_InitializeFromConfig"
		dylib     = 6
	)
	good := machO(t, cpuArm64, dylib, framework, begins, true)
	for _, c := range []struct {
		name, arch string
		file       []byte
		minor      int
		want       error
		says       string
	}{
		{"framework", "arm64", good, 12, nil, ""},
		{"any version", "arm64", good, 0, nil, ""},
		{"other version", "arm64", good, 13, discover.ErrVersionMismatch, "is python 3.12's library"},
		{"other processor", "amd64", good, 12, discover.ErrArchitecture, "is built for arm64, this program for amd64"},
		{"fat", "amd64", fat(map[uint32][]byte{cpuArm64: good, cpuAmd64: machO(t, cpuAmd64, dylib, framework, begins, true)}), 12, nil, ""},
		{"fat, not ours", "amd64", fat(map[uint32][]byte{cpuArm64: good}), 12, discover.ErrArchitecture, "arm64"},
		{"program", "arm64", machO(t, cpuArm64, 2, "", begins, true), 12, discover.ErrNotPython, "not a shared library"},
		{"only imports", "arm64", machO(t, cpuArm64, dylib, "@rpath/libpython3.12.dylib", begins, false), 12, discover.ErrNotPython, "does not export"},
		{"stable start", "arm64", machO(t, cpuArm64, dylib, "@rpath/libpython3.14.dylib", begins, true), 14, discover.ErrNotPython, "Py_InitializeFromInitConfig"},
		{"too old", "arm64", machO(t, cpuArm64, dylib, "@rpath/libpython3.8.dylib", begins, true), 0, discover.ErrTooOld, "too old"},
		{"free-threaded", "arm64", machO(t, cpuArm64, dylib, "/x/PythonT.framework/Versions/3.14/PythonT", begins, true), 14, discover.ErrFreeThreaded, ""},
		{"text", "arm64", []byte("a text, and no library at all"), 12, discover.ErrNotPython, "libpython3.N.dylib"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "Python")
			require.NoError(t, os.WriteFile(path, c.file, 0o600))
			err := discover.CheckLibraryOn("darwin", c.arch, path, c.minor)
			if c.want == nil {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, c.want)
			assert.ErrorContains(t, err, c.says)
			assert.ErrorContains(t, err, path)
		})
	}
	err := discover.CheckLibraryOn("darwin", "arm64", "/not/there/libpython3.12.dylib", 12)
	assert.ErrorIs(t, err, discover.ErrNoLibrary)
}
