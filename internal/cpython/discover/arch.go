package discover

import (
	"debug/elf"
	"fmt"
	"math/bits"
	"runtime"
	"strings"
)

// architecture is how one of Go's architectures is called elsewhere.
type architecture struct {
	machine   elf.Machine
	multiarch string // Debian's name, a directory below lib
}

var architectures = map[string]architecture{
	"386":     {elf.EM_386, "i386-linux-gnu"},
	"amd64":   {elf.EM_X86_64, "x86_64-linux-gnu"},
	"arm":     {elf.EM_ARM, "arm-linux-gnueabihf"},
	"arm64":   {elf.EM_AARCH64, "aarch64-linux-gnu"},
	"loong64": {elf.EM_LOONGARCH, "loongarch64-linux-gnu"},
	"ppc64le": {elf.EM_PPC64, "powerpc64le-linux-gnu"},
	"riscv64": {elf.EM_RISCV, "riscv64-linux-gnu"},
	"s390x":   {elf.EM_S390, "s390x-linux-gnu"},
}

// checkArchitecture refuses a file that this process could not load: another processor, or another word size.
// An architecture that the table lacks is let through; the loader will judge.
func checkArchitecture(f *elf.File, path string) error {
	ours, known := architectures[runtime.GOARCH]
	class := elf.ELFCLASS64
	if bits.UintSize == 32 {
		class = elf.ELFCLASS32
	}
	if f.Class == class && (!known || f.Machine == ours.machine) {
		return nil
	}
	return &Error{
		Kind:   ErrArchitecture,
		Path:   path,
		Detail: fmt.Sprintf("%s is built for %s, this program for %s", path, machineName(f.Machine, f.Class), machineName(ours.machine, class)),
		Advice: "use a python of this program's architecture, or a gopyrpc built for that one",
	}
}

// machineName turns EM_AARCH64 and ELFCLASS64 into "aarch64 (64-bit)".
func machineName(m elf.Machine, c elf.Class) string {
	name := strings.ToLower(strings.TrimPrefix(m.String(), "EM_"))
	return fmt.Sprintf("%s (%s-bit)", name, strings.TrimPrefix(c.String(), "ELFCLASS"))
}
