package main

import (
	"archive/zip"
	"fmt"
	"os"
	"path/filepath"
)

// examineFolders looks at what --path names: Python passes over what is not there.
func (d *diagnosis) examineFolders(folders []string) {
	for _, folder := range folders {
		if err := importable(folder); err != nil {
			d.problem(fmt.Sprintf("--path %s: no modules can be imported from there: %v", folder, err), "name a folder that is there, or a zip file")
		}
	}
}

func importable(folder string) error {
	info, err := os.Stat(folder)
	if err != nil {
		return err
	}
	if info.IsDir() {
		_, err := os.ReadDir(folder)
		return err
	}
	archive, err := zip.OpenReader(folder)
	if err != nil {
		return fmt.Errorf("it is a file, and no zip file: %w", err)
	}
	return archive.Close()
}

// examineVirtualEnvironment finds one that Python does not take for one: without pyvenv.cfg its own packages are not
// there, and those of the Python that it was made from are.
func (d *diagnosis) examineVirtualEnvironment() {
	root := filepath.Dir(filepath.Dir(d.Executable))
	if prefix, _ := d.Python["prefix"].(string); d.Executable == "" || prefix == root {
		return
	}
	_, missing := os.Stat(filepath.Join(root, "pyvenv.cfg"))
	own, _ := filepath.Glob(filepath.Join(root, "lib", "python3.*", "site-packages"))
	info, err := os.Lstat(d.Executable)
	if os.IsNotExist(missing) && len(own) > 0 && err == nil && info.Mode()&os.ModeSymlink != 0 {
		d.problem(fmt.Sprintf("%s looks like a virtual environment and has no pyvenv.cfg, so the packages in %s are not used", root, own[0]),
			"make it anew with python3 -m venv "+root)
	}
}

func (d *diagnosis) printPrefix(t table) {
	prefix, _ := d.Python["prefix"].(string)
	if base, _ := d.Python["base_prefix"].(string); base != prefix {
		t.row("virtual environment", fmt.Sprintf("%s, made from %s", prefix, base))
	}
}
