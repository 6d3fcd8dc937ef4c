package main

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
)

// ipvsTable is there exactly when ip_vs is in the running kernel.
const ipvsTable = "/proc/net/ip_vs"

// hasIPVS tells whether COMMAND can run on this kernel: ip_vs is there, after
// trying to load it, and we are root.
func hasIPVS() bool {
	if os.Geteuid() != 0 {
		return false
	}
	if _, err := os.Stat(ipvsTable); err == nil {
		return true
	}
	if modprobe, err := exec.LookPath("modprobe"); err == nil {
		// Its failure shows in the missing file.
		_ = exec.Command(modprobe, "-q", "ip_vs").Run()
	}
	_, err := os.Stat(ipvsTable)
	return err == nil
}

// direct replaces this process by COMMAND.
func direct(argv []string) (int, error) {
	path, err := exec.LookPath(argv[0])
	if err != nil {
		return 127, fmt.Errorf("run %s: %w", argv[0], err)
	}
	err = syscall.Exec(path, argv, append(os.Environ(), inLab))
	return 126, fmt.Errorf("run %s: %w", path, err)
}
