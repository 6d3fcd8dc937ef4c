// Command demo shows the main job of failover in the lab: two directors and two
// web servers, one service. It sees for itself what it shows, and fails where
// that does not come true.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"failover/e2e/lab"
)

const url = "http://" + lab.Service + "/"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, 4*time.Minute)
	defer cancel()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "demo: error:", err)
		stop()
		os.Exit(1)
	}
	fmt.Println("\ndemo: everything was as it should be")
}

// show is the demo under way.
type show struct {
	ctx  context.Context
	lab  *lab.Lab
	sys  lab.Failover
	pair *lab.Pair
}

func run(ctx context.Context) (err error) {
	if err := lab.HasIPVS(); err != nil {
		return err
	}
	sys, err := lab.FindFailover()
	if err != nil {
		return err
	}
	l, err := lab.New()
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			fmt.Fprintln(os.Stderr, l.Logs(30))
		}
		if cerr := l.Close(); err == nil {
			err = cerr
		}
	}()
	s := &show{ctx: ctx, lab: l, sys: sys}
	for _, scene := range []func() error{s.begin, s.balance, s.cut, s.heal, s.serverDies, s.serverReturns} {
		if err := scene(); err != nil {
			return err
		}
	}
	return nil
}

// title begins a scene.
func title(format string, args ...any) { fmt.Printf("\n== "+format+"\n", args...) }

// shell prints a command and what it prints, as on a director's terminal.
func (s *show) shell(n *lab.Node, argv ...string) (string, error) {
	out, err := n.Run(s.ctx, argv...)
	if err != nil {
		return out, err
	}
	shown := append([]string{}, argv...)
	if shown[0] == s.sys.Binary {
		shown[0] = "failover"
	}
	fmt.Printf("%s# %s\n%s\n", n.Name, strings.Join(shown, " "), strings.TrimRight(out, "\n"))
	return out, nil
}

// begin starts the pair.
func (s *show) begin() error {
	title("two directors, two web servers, one file")
	fmt.Println("client 172.20.10.1 -- outside -- lb1 .5, lb2 .6 -- inside -- web1 192.168.33.92, web2 .93")
	fmt.Printf("virtual addresses: %s outside, %s inside (the web servers' gateway)\n", lab.VirtualOutside, lab.VirtualInside)
	var err error
	if s.pair, err = lab.NewPair(s.lab, s.sys, lab.Setup{}); err != nil {
		return err
	}
	if _, err := s.shell(s.lab.LB1, "cat", "/etc/failover/failover.toml"); err != nil {
		return err
	}
	if err := s.pair.Start(s.ctx); err != nil {
		return err
	}
	return s.pair.WaitService(s.ctx)
}

// balance shows answers of both servers in turn.
func (s *show) balance() error {
	title("answers alternate between the web servers")
	counts := map[string]int{}
	for range 6 {
		out, err := s.shell(s.lab.Client, "curl", "-s", "--max-time", "5", url)
		if err != nil {
			return err
		}
		counts[strings.TrimSpace(out)]++
	}
	if counts["web1"] != 3 || counts["web2"] != 3 {
		return fmt.Errorf("answers %v, want three of each", counts)
	}
	return s.status(s.lab.LB1, true)
}

// status shows the pair as a director sees it. Its exit status says whether
// something is wrong, which has to be as expected.
func (s *show) status(n *lab.Node, healthy bool) error {
	title("failover status, on %s", n.Name)
	out, err := s.shell(n, s.sys.Binary, "status")
	var exit *exec.ExitError
	if !healthy && errors.As(err, &exit) && exit.ExitCode() == 1 {
		fmt.Printf("%s# failover status\n%s(exit status 1)\n", n.Name, out)
		return nil
	}
	if err == nil && !healthy {
		return errors.New("status sees nothing wrong")
	}
	return err
}

// during runs a change under a stream of requests and says what became of them.
// The service has to answer again in the end.
func (s *show) during(change func() error) (lab.Requests, error) {
	stream := s.lab.Client.Stream(lab.StreamSpec{URL: url, Every: 50 * time.Millisecond})
	err := change()
	if err == nil {
		err = s.pair.WaitService(s.ctx)
	}
	requests := stream.Stop()
	fmt.Println(requests)
	return requests, err
}

// cut takes the cables of the master.
func (s *show) cut() error {
	title("the cables of the master are cut")
	requests, err := s.during(func() error {
		if err := s.lab.Cut(s.lab.LB1); err != nil {
			return err
		}
		return s.pair.WaitHolder(s.ctx, s.lab.LB2)
	})
	if err != nil {
		return err
	}
	fmt.Printf("lb2 is master; the service paused for %.1f s\n", requests.Gap().Seconds())
	return s.status(s.lab.LB2, true)
}

// heal gives them back: the first director takes over again.
func (s *show) heal() error {
	title("the cables are back")
	requests, err := s.during(func() error {
		if err := s.lab.Restore(s.lab.LB1); err != nil {
			return err
		}
		return s.pair.WaitHolder(s.ctx, s.lab.LB1)
	})
	if err != nil {
		return err
	}
	if n := len(requests.Failed()); n > 0 {
		return fmt.Errorf("%d requests were lost when lb1 took over again", n)
	}
	fmt.Println("lb1 is master again; no request was lost")
	return nil
}

// serverDies shows a dead web server leave the tables.
func (s *show) serverDies() error {
	title("web1 dies")
	begin := time.Now()
	s.lab.Web1.Stop()
	for _, n := range s.lab.Directors() {
		if err := s.pair.WaitServers(s.ctx, n, 1); err != nil {
			return err
		}
	}
	fmt.Printf("out of both tables after %.1f s\n", time.Since(begin).Seconds())
	if _, err := s.shell(s.lab.LB1, "ipvsadm", "-Ln"); err != nil {
		return err
	}
	for range 4 {
		if r := s.lab.Client.Get(s.ctx, url); r.Err != nil || r.Server != "web2" {
			return fmt.Errorf("answer %q, %w", r.Server, r.Err)
		}
	}
	fmt.Println("every request is answered by web2")
	return s.status(s.lab.LB1, false)
}

// serverReturns shows it come back.
func (s *show) serverReturns() error {
	title("web1 is back")
	begin := time.Now()
	if err := s.lab.Web1.Start(); err != nil {
		return err
	}
	for _, n := range s.lab.Directors() {
		if err := s.pair.WaitServers(s.ctx, n, 2); err != nil {
			return err
		}
	}
	fmt.Printf("in both tables again after %.1f s\n", time.Since(begin).Seconds())
	return nil
}
