// Command demo shows the main job of failover on a real kernel: a pair of
// directors balances two web servers, is told what to do, loses its master, gets it
// back, loses a web server, and the client hardly notices.
//
//	FAILOVER_BIN=$PWD/bin/failover bin/guest bin/demo
//
// Every command it shows is run as shown, every figure is measured while it
// runs. It exits 1 when anything it promises is not seen. scripts/demo does the
// set-up and starts it.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"failover/e2e/lab"
)

// limit ends a demo that hangs.
const limit = 4 * time.Minute

func main() {
	config := flag.String("config", "docs/examples/pair.toml", "the configuration `file` of the pair")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if err := run(ctx, *config); err != nil {
		fmt.Fprintln(os.Stderr, "demo: error:", err)
		os.Exit(1)
	}
}

// run builds the lab, plays all acts and removes the lab.
func run(ctx context.Context, config string) (err error) {
	program, err := lab.FindFailover()
	if err != nil {
		return err
	}
	if err := lab.HasIPVS(); err != nil {
		return err
	}
	text, err := os.ReadFile(config)
	if err != nil {
		return err
	}
	// The commands are shown by their bare names.
	path := filepath.Dir(program.Binary) + ":" + os.Getenv("PATH")
	if err := os.Setenv("PATH", path); err != nil {
		return err
	}
	l, err := lab.New()
	if err != nil {
		return err
	}
	defer func() {
		if cerr := l.Close(); err == nil {
			err = cerr
		}
	}()
	p, err := lab.NewPair(l, example{program, text}, lab.Setup{})
	if err != nil {
		return err
	}
	d := &demo{screen: newScreen(os.Stdout), lab: l, pair: p}
	s := watchStall(ctx)
	err = d.play(ctx)
	if err == nil {
		err = d.verdict()
	}
	if held := s.worst(); err != nil && held > time.Second {
		err = fmt.Errorf("%w (this machine was busy and stood still for up to %.1f s: try again when it is idle)", err, held.Seconds())
	}
	if err != nil {
		return fmt.Errorf("%w\n%s", err, l.Logs(40))
	}
	return nil
}

// example is failover with the configuration file that the README shows, and the
// directors' keys in it.
type example struct {
	lab.Failover
	text []byte
}

// Configure implements [lab.System].
func (e example) Configure(n *lab.Node, s lab.Setup) error {
	var text strings.Builder
	for line := range strings.Lines(string(e.text)) {
		text.WriteString(line)
		for name, key := range s.PublicKeys {
			if strings.TrimSpace(line) == "[director."+name+"]" {
				fmt.Fprintf(&text, "public_key = %q\n", key)
			}
		}
	}
	return n.WriteFile("/etc/failover/failover.toml", []byte(text.String()), 0o644)
}
