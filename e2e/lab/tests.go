package lab

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
)

// RunTests is the TestMain of a package whose tests each have a lab of their own,
// m being its [testing.M]; the result is the exit status. The path of the program
// under test is put into program: what FAILOVER_BIN names, else one that is built
// for this run. So many tests run beside each other, unless -parallel says
// otherwise: they wait most of the time.
func RunTests(m interface{ Run() int }, parallel int, program *string) int {
	flag.Parse()
	if f := flag.Lookup("test.parallel"); f.Value.String() == f.DefValue {
		if err := f.Value.Set(strconv.Itoa(parallel)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	if Usable() != nil {
		return m.Run() // every test says so
	}
	if *program = os.Getenv("FAILOVER_BIN"); *program != "" {
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "failover-bin-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	*program = filepath.Join(dir, "failover")
	build := exec.Command("go", "build", "-o", *program, "failover/cmd/failover")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build the program: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}
