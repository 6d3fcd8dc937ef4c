// Command failover runs and inspects one of a pair of LVS directors.
package main

import (
	"os"
)

// version is set by the build: -ldflags "-X main.version=v1.2.3".
var version = ""

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}
