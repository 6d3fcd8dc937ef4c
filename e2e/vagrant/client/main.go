// Command client is a client of the service, on a machine of its own: it sends
// requests, holds connections, and says on standard output what came of them, as it
// is told on standard input.
package main

import (
	"fmt"
	"os"

	"failover/e2e/vagrant"
)

func main() {
	if err := vagrant.ServeLoad(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "client: error:", err)
		os.Exit(1)
	}
}
