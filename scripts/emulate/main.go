//go:build linux

// Command emulate runs a command for which the programs of another architecture can be executed, by name and through
// execve, with qemu's user mode (qemu-user-static).
//
//	go run ./scripts/emulate arm64 COMMAND…
//
// A machine may execute such programs already, because an emulator is registered in binfmt_misc or the architecture is its own:
// then emulate runs the command as it is. Else emulate runs the command in a user and a mount namespace, in which it registers
// the emulator and maps every user to itself. Linux 6.7 and newer keep a register for each user namespace, so nothing is left
// of the registration when the command ends. Emulate needs root. It exits with 3 where there is no emulator, no permission, or an
// older kernel.
package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
)

// emulator is what the kernel has to know of an emulator: with which bytes, under which mask, the emulator's programs begin.
type emulator struct{ name, magic, mask string }

// The header of an ELF file: its class, byte order and version, then its type, executable or shared, and machine.
const (
	elf64   = `\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00`
	elfMask = `\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff`
)

var emulators = map[string]emulator{
	"amd64": {"qemu-x86_64", elf64 + `\x3e\x00`, elfMask},
	"arm64": {"qemu-aarch64", elf64 + `\xb7\x00`, elfMask},
}

const (
	register = "/proc/sys/fs/binfmt_misc"
	inside   = "GOPYRPC_EMULATE_INSIDE"
	cannot   = 3 // exit status
)

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: emulate GOARCH COMMAND…")
		os.Exit(2)
	}
	status, err := run(os.Args[1], os.Args[2:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "emulate:", err)
	}
	os.Exit(status)
}

func run(arch string, command []string) (status int, err error) {
	e, known := emulators[arch]
	switch {
	case arch == runtime.GOARCH || isRegistered(e.name):
		return 1, replace(command)
	case !known:
		return cannot, fmt.Errorf("%s is none of the architectures that this program knows", arch)
	case os.Getenv(inside) != "":
		if err := e.register(); err != nil {
			return cannot, err
		}
		_ = os.Unsetenv(inside)
		return 1, replace(command)
	}
	if _, err := e.path(); err != nil {
		return cannot, err
	}
	return runInNamespace()
}

// replace executes the command in the place of this program; it returns only if that fails.
func replace(command []string) error {
	path, err := exec.LookPath(command[0])
	if err != nil {
		return err
	}
	return syscall.Exec(path, command, os.Environ())
}

func isRegistered(name string) bool {
	text, err := os.ReadFile(filepath.Join(register, name))
	return err == nil && strings.HasPrefix(string(text), "enabled")
}

// path is the emulator's, which must need no files of its own where the command sees other ones (chroot).
func (e emulator) path() (string, error) {
	path, err := exec.LookPath(e.name + "-static")
	if err != nil {
		return "", fmt.Errorf("there is no %s-static (Debian's package is qemu-user-static)", e.name)
	}
	return filepath.EvalSymlinks(path)
}

// register makes the emulator known to the kernel's register of this user namespace. Flag F: the kernel opens the emulator now,
// so that it is found in any root directory. Flag P: the emulator is told the name by which the program was called.
func (e emulator) register() error {
	path, err := e.path()
	if err != nil {
		return err
	}
	if err := syscall.Mount("binfmt_misc", register, "binfmt_misc", 0, ""); err != nil {
		return fmt.Errorf("no register of emulators for this user namespace, which Linux has from 6.7 on (%w)", err)
	}
	line := fmt.Sprintf(":%s:M::%s:%s:%s:PF", e.name, e.magic, e.mask, path)
	if err := os.WriteFile(filepath.Join(register, "register"), []byte(line), 0); err != nil {
		return fmt.Errorf("registering %s: %w", path, err)
	}
	return nil
}

// runInNamespace runs this program again, in namespaces of its own, with every user and group mapped to itself.
func runInNamespace() (status int, err error) {
	self, err := os.Executable()
	if err != nil {
		return 1, err
	}
	cmd := exec.Command(self, os.Args[1:]...)
	cmd.Env = append(os.Environ(), inside+"=1")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	everybody := []syscall.SysProcIDMap{{ContainerID: 0, HostID: 0, Size: 1<<32 - 1}}
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: everybody, GidMappings: everybody, GidMappingsEnableSetgroups: true,
		Pdeathsig: syscall.SIGKILL,
	}
	err = cmd.Run()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0, nil
	case errors.As(err, &exit):
		if s, ok := exit.Sys().(syscall.WaitStatus); ok && s.Signaled() {
			return 128 + int(s.Signal()), nil
		}
		return exit.ExitCode(), nil
	}
	return cannot, fmt.Errorf("no user namespace can be made here: %w", err)
}
