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
	dir, err := os.MkdirTemp("", "failover-bin-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	f, err := BuiltFailover(dir)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	*program = f.Binary
	return m.Run()
}

// BuiltFailover is the program under test: what FAILOVER_BIN names, else one that
// is built into dir.
func BuiltFailover(dir string) (Failover, error) {
	if os.Getenv("FAILOVER_BIN") != "" {
		return FindFailover()
	}
	f := Failover{Binary: filepath.Join(dir, "failover")}
	build := exec.Command("go", "build", "-o", f.Binary, "failover/cmd/failover")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return Failover{}, fmt.Errorf("lab: build the program: %w\n%s", err, out)
	}
	return f, nil
}
