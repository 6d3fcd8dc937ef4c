// Command guest runs a program on a kernel that has IPVS.
//
//	guest [flags] COMMAND [ARG…]
//
// Where the kernel of this machine has ip_vs and the caller is root, COMMAND is
// run directly. Elsewhere a stock Debian kernel is booted in qemu with this
// machine's file system as its read-only root, a scratch layer above it, and
// COMMAND runs there with the same arguments, environment and working
// directory; its output is streamed, its exit status is ours. It is made for
//
//	go test -exec "$PWD/bin/guest" ./e2e
//
// Either way COMMAND finds FAILOVER_IN_LAB=1 in its environment.
//
// The kernel is fetched once, by apt-get download, into a cache folder. What is
// written inside the guest is gone afterwards, but for the folder that
// FAILOVER_RESULTS names.
//
// Exit status: that of COMMAND (128 + n for signal n), 124 when the time limit
// was reached, 125 when the guest itself did not work.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"

	"failover/e2e/debian"
)

const (
	exitLimit = 124 // the time limit, as timeout(1) has it
	exitGuest = 125 // the guest did not come up, or went down by itself
)

// options are the flags of the command.
type options struct {
	series  string // kernel series: 6.1 or 6.12
	mode    string // auto, direct or vm
	accel   string // qemu accelerator
	memory  int    // MiB
	cpus    int
	limit   time.Duration
	append  string // further words of the kernel's command line
	verbose bool
}

func main() {
	if os.Getpid() == 1 && os.Args[0] == initPath {
		inside()
		return
	}
	// A child's parent-death signal is tied to the thread that started it.
	runtime.LockOSThread()
	opt, argv, err := parse(os.Args[1:])
	if err != nil {
		if errors.Is(err, flag.ErrHelp) {
			os.Exit(0)
		}
		fmt.Fprintln(os.Stderr, "guest: error:", err)
		os.Exit(2)
	}
	code, err := run(opt, argv)
	if err != nil {
		fmt.Fprintln(os.Stderr, "guest: error:", err)
	}
	os.Exit(code)
}

// parse reads flags up to the first argument that is not one: the rest belongs
// to COMMAND.
func parse(args []string) (options, []string, error) {
	opt := options{mode: "auto"}
	f := flag.NewFlagSet("guest", flag.ContinueOnError)
	f.StringVar(&opt.series, "kernel", env("FAILOVER_LAB_KERNEL", "6.1"), "kernel `series` of the guest: 6.1 or 6.12")
	f.StringVar(&opt.accel, "accel", env("FAILOVER_LAB_ACCEL", "tcg"), "qemu `accelerator`: tcg or kvm")
	f.IntVar(&opt.memory, "memory", 2048, "memory of the guest in `MiB`")
	f.IntVar(&opt.cpus, "cpus", 2, "processors of the guest")
	f.DurationVar(&opt.limit, "limit", 30*time.Minute, "end the guest after this `time`")
	f.StringVar(&opt.append, "append", "", "further `words` of the guest's kernel command line; it is always a guest then")
	f.BoolVar(&opt.verbose, "v", false, "say when the guest is up and how long COMMAND took")
	direct := f.Bool("direct", false, "run COMMAND on this kernel, never in a guest")
	vm := f.Bool("vm", false, "boot the guest even where this kernel has ip_vs")
	f.Usage = func() {
		fmt.Fprintln(f.Output(), "usage: guest [flags] COMMAND [ARG…]")
		f.PrintDefaults()
	}
	if err := f.Parse(args); err != nil {
		return opt, nil, err
	}
	switch {
	case f.NArg() == 0:
		return opt, nil, errors.New("no command given")
	case *direct && (*vm || opt.append != ""):
		return opt, nil, errors.New("--direct excludes --vm and --append")
	case *direct:
		opt.mode = "direct"
	case *vm || opt.append != "":
		opt.mode = "vm"
	}
	if _, ok := suites[opt.series]; !ok {
		return opt, nil, fmt.Errorf("kernel %q: allowed are 6.1 and 6.12", opt.series)
	}
	return opt, f.Args(), nil
}

// run carries COMMAND out and returns the exit status.
func run(opt options, argv []string) (int, error) {
	if opt.mode == "direct" || opt.mode == "auto" && hasIPVS() {
		return direct(argv)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT)
	defer stop()
	ctx, cancel := context.WithTimeoutCause(ctx, opt.limit, errLimit)
	defer cancel()
	go orphaned(ctx, cancel)

	cache, err := debian.Cache()
	if err != nil {
		return exitGuest, err
	}
	kern, err := findKernel(ctx, cache, opt.series, os.Stderr)
	if err != nil {
		return exitGuest, err
	}
	j, err := newJob(argv, kern)
	if err != nil {
		return exitGuest, err
	}
	return boot(ctx, opt, kern, j, streams{os.Stdout, os.Stderr})
}

// orphaned cancels when the process that started us is gone: nobody is left to
// read the result.
func orphaned(ctx context.Context, cancel func()) {
	parent := os.Getppid()
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if os.Getppid() != parent {
				cancel()
				return
			}
		}
	}
}

// streams are where the output of COMMAND goes.
type streams struct{ out, err io.Writer }

func env(key, otherwise string) string {
	if v := os.Getenv(key); v != "" {
		return v
	}
	return otherwise
}
