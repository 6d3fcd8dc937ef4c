package compare

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"
)

// Circumstances writes when, of what and on what the rows were measured, as a
// list of Markdown; where is what stands between machine and kernel.
func Circumstances(w io.Writer, rows []Row, where string) error {
	last := rows[len(rows)-1]
	_, err := fmt.Fprintf(w, "- date: %s\n- commit: %s\n- machine: %s; %sLinux %s\n- keepalived: %s\n",
		last.Time.Format(time.DateOnly), Commit(), Machine(), where, last.Kernel, keepalived())
	return err
}

// Commit is what is checked out.
func Commit() string { return said("git", "describe", "--always", "--dirty", "--abbrev=12") }

// Machine is what it is measured on.
func Machine() string { return fmt.Sprintf("%s, %d processors", processor(), runtime.NumCPU()) }

// said is what a program prints, without its line end.
func said(argv ...string) string {
	out, err := exec.Command(argv[0], argv[1:]...).Output()
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(out))
}

func keepalived() string {
	out, _ := exec.Command("keepalived", "--version").CombinedOutput()
	line, _, _ := strings.Cut(string(out), "\n")
	return strings.TrimSpace(line)
}

func processor() string {
	f, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return runtime.GOARCH
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if name, value, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}
