// Package state keeps what must outlive a process: small versioned files
// replaced atomically ([Store]), and one mapped file that a killed process leaves
// behind ([Page]).
//
// Whatever describes the running kernel (addresses added, services programmed)
// is void after a reboot, so both carry the boot id and tell whether what they
// found is of this boot.
package state

import (
	"errors"
	"fmt"
	"os"
	"strings"
)

// ErrCorrupt is wrapped by the error of a file whose content cannot be trusted:
// damaged, or written by a later version of this program. The file has been
// renamed to end in ".corrupt", so that the next attempt finds none.
var ErrCorrupt = errors.New("not usable, set aside as .corrupt")

// Origin tells when the content of a file was written.
type Origin int

// The origins.
const (
	Missing     Origin = iota // there is no such file
	EarlierBoot               // before the last start of the machine
	ThisBoot                  // since the last start of the machine
)

// String returns the origin in words.
func (o Origin) String() string {
	switch o {
	case Missing:
		return "missing"
	case EarlierBoot:
		return "earlier boot"
	case ThisBoot:
		return "this boot"
	}
	panic("state: impossible origin")
}

// bootIDFile is where Linux shows the random identifier of the current boot.
const bootIDFile = "/proc/sys/kernel/random/boot_id"

// BootID returns the kernel's random identifier of the current boot: 36
// characters, a new one at each start of the machine.
func BootID() (string, error) {
	b, err := os.ReadFile(bootIDFile)
	if err != nil {
		return "", fmt.Errorf("state: boot id: %w", err)
	}
	id := strings.TrimSpace(string(b))
	if len(id) != bootIDLen {
		return "", fmt.Errorf("state: boot id: %s holds %q", bootIDFile, id)
	}
	return id, nil
}

// bootIDLen is the length of a boot id: a UUID as text.
const bootIDLen = 36

// setAside renames a file that cannot be trusted and returns the error that says
// so and why.
func setAside(path string, why error) error {
	aside := path + ".corrupt"
	if err := os.Rename(path, aside); err != nil {
		return fmt.Errorf("state: %s: %w; and %w", path, why, err)
	}
	return fmt.Errorf("state: %s: %w: %w", path, why, ErrCorrupt)
}
