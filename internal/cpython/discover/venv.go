package discover

import (
	"os"
	"path/filepath"
	"strings"
)

// venvHome returns the directory of the interpreter that a virtual environment was made from: the "home"
// of the pyvenv.cfg beside the executable or one level above, where CPython looks too. It returns "" for
// an executable that is in no virtual environment.
func venvHome(exe string) string {
	dir := filepath.Dir(exe)
	for _, d := range []string{dir, filepath.Dir(dir)} {
		if text, err := os.ReadFile(filepath.Join(d, "pyvenv.cfg")); err == nil {
			return configValue(string(text), "home")
		}
	}
	return ""
}

// configValue finds "key = value" in the text of a pyvenv.cfg.
func configValue(text, key string) string {
	for line := range strings.Lines(text) {
		k, v, ok := strings.Cut(line, "=")
		if ok && strings.EqualFold(strings.TrimSpace(k), key) {
			return strings.TrimSpace(v)
		}
	}
	return ""
}
