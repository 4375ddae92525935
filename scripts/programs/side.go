package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// side is what a program's RPC is.
type side struct {
	name    string
	moved   bool // by its imports
	command func(r *runner, file string) []string
	environ func(r *runner) []string
}

var (
	onTorch = &side{name: "torch", command: plain}

	onGopyrpc = &side{name: "gopyrpc", moved: true, command: plain, environ: func(r *runner) []string {
		path := []string{r.folder}
		if old := os.Getenv("PYTHONPATH"); old != "" {
			path = append(path, old)
		}
		return []string{"PYTHONPATH=" + strings.Join(path, string(filepath.ListSeparator))}
	}}

	asTorch = &side{name: "as-torch", command: func(r *runner, file string) []string {
		return []string{r.command, "run", "--as-torch", file}
	}, environ: func(r *runner) []string {
		return []string{"GOPYRPC_PYTHON=" + r.python}
	}}
)

func plain(r *runner, file string) []string { return []string{r.python, file} }

func sideNamed(name string) (*side, error) {
	for _, s := range []*side{onTorch, onGopyrpc, asTorch} {
		if s.name == name {
			return s, nil
		}
	}
	return nil, fmt.Errorf("there is no side %q", name)
}

// write makes the program's file in a new folder below dir.
func (s *side) write(p program, dir string) (string, error) {
	source, err := p.source()
	if err == nil && s.moved {
		source, err = moved(source)
	}
	if err != nil {
		return "", fmt.Errorf("%s: %w", p.file(), err)
	}
	dir, err = os.MkdirTemp(dir, s.name)
	if err != nil {
		return "", err
	}
	file := filepath.Join(dir, p.file())
	return file, os.WriteFile(file, []byte(source), 0o600)
}
