package linux

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// kernelMarks tells whether the kernel keeps the mark of an address: IFA_PROTO
// came with Linux 5.18, and earlier ones ignore it without a word.
func kernelMarks() (bool, error) {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return false, fmt.Errorf("vrrp: read the kernel's version: %w", err)
	}
	return atLeast(unix.ByteSliceToString(u.Release[:]), 5, 18)
}

// atLeast compares a kernel release such as "6.1.0-13-amd64" with a version.
func atLeast(release string, major, minor int) (bool, error) {
	var a, b int
	if _, err := fmt.Sscanf(release, "%d.%d", &a, &b); err != nil {
		return false, fmt.Errorf("vrrp: kernel release %q: %w", release, err)
	}
	return a > major || a == major && b >= minor, nil
}

// promoteSecondaries makes the kernel keep the secondary addresses of a subnet
// when its primary is removed: by default it removes them too. The function it
// returns puts the setting back.
func promoteSecondaries(link string) (restore func() error, err error) {
	for _, name := range []string{"all", link} {
		b, err := os.ReadFile(promoteFile(name))
		if err != nil {
			return nil, fmt.Errorf("keep its subnet's other addresses: %w", err)
		}
		if strings.TrimSpace(string(b)) != "0" {
			// Either of the two is enough.
			return func() error { return nil }, nil
		}
	}
	if err := writePromote(link, "1"); err != nil {
		return nil, err
	}
	return func() error { return writePromote(link, "0") }, nil
}

func writePromote(link, value string) error {
	if err := os.WriteFile(promoteFile(link), []byte(value), 0o644); err != nil {
		return fmt.Errorf("keep its subnet's other addresses: %w", err)
	}
	return nil
}

func promoteFile(link string) string {
	return "/proc/sys/net/ipv4/conf/" + link + "/promote_secondaries"
}
