package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/gopyrpc/gopyrpc/agent/pyworker/settings"
	"github.com/gopyrpc/gopyrpc/cmd/gopyrpc/carry"
	"github.com/gopyrpc/gopyrpc/internal/cpython/discover"
	"github.com/gopyrpc/gopyrpc/internal/pyname"
)

// python3 is an interpreter for programs that import gopyrpc, and what their environment has besides this process's.
type python3 struct {
	executable string
	environ    []string
}

// Variables of Python's, and those by which the shared library knows of this command.
const (
	pathVariable   = "PYTHONPATH"
	reportVariable = "GOPYRPC_REPORT"
)

// pythonFor finds the interpreter, and a package gopyrpc for it.
func (c *common) pythonFor(ctx context.Context, said settings.Values, reports bool) (*python3, error) {
	executable, err := discover.Executable(discover.Options{Python: c.python})
	if err != nil {
		return nil, err
	}
	p := &python3{executable: executable, environ: said.Environ()}
	path, err := c.searchPath()
	if err != nil {
		return nil, err
	}
	if !p.hasPackage(ctx, path) {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		dir, err := carry.Folder()
		if err != nil {
			return nil, err
		}
		path = append(path, dir) // behind all else that the user has put there
	}
	if len(path) > 0 {
		p.environ = append(p.environ, pathVariable+"="+strings.Join(path, string(os.PathListSeparator)))
	}
	if reports {
		p.environ = append(p.environ, reportVariable+"=1")
	}
	return p, nil
}

// searchPath is what the program's PYTHONPATH begins with: the folders of --path, then its own.
func (c *common) searchPath() ([]string, error) {
	var path []string
	for _, dir := range c.path {
		dir, err := filepath.Abs(dir)
		if err != nil {
			return nil, err
		}
		path = append(path, dir)
	}
	if own := os.Getenv(pathVariable); own != "" {
		path = append(path, own)
	}
	return path, nil
}

// ask prints whether the package can be imported, from elsewhere than the working directory.
const ask = "import sys, importlib.util\n" +
	"sys.path[:] = [p for p in sys.path if p]\n" +
	"print(importlib.util.find_spec(%q) is not None)\n"

// hasPackage says whether the interpreter has a package gopyrpc of its own, with that PYTHONPATH.
func (p *python3) hasPackage(ctx context.Context, path []string) bool {
	cmd := exec.CommandContext(ctx, p.executable, "-c", fmt.Sprintf(ask, pyname.Package))
	cmd.Env = append(os.Environ(), pathVariable+"="+strings.Join(path, string(os.PathListSeparator)))
	out, err := cmd.Output()
	return err == nil && strings.TrimSpace(string(out)) == "True"
}
