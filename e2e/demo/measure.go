package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"failover/e2e/lab"
)

const serviceURL = "http://172.20.10.4/"

// demo is the play: its stage and what is on it.
type demo struct {
	*screen
	lab  *lab.Lab
	pair *lab.Pair
	held *lab.Held // connections that a client keeps in use
}

// during runs a change under a stream of requests and returns what became of
// them: from before the change until well after it.
func (d *demo) during(ctx context.Context, change func() error) (lab.Requests, error) {
	s := d.lab.Client.Stream(lab.StreamSpec{URL: serviceURL, Every: 50 * time.Millisecond})
	err := d.flow(ctx, s, 10)
	if err == nil {
		err = change()
	}
	if err == nil {
		err = d.flow(ctx, s, 20)
	}
	rs := s.Stop()
	if failed := rs.Failed(); len(failed) > 0 {
		d.say("%d of %d requests failed, the first at %s after %.1f s: %v", len(failed), len(rs),
			failed[0].Start.UTC().Format("15:04:05.000"), failed[0].Took.Seconds(), failed[0].Err)
	}
	return rs, err
}

// flow waits until n requests sent from now on have been answered.
func (d *demo) flow(ctx context.Context, s *lab.Stream, n int) error {
	from := time.Now()
	return lab.Eventually(ctx, fmt.Sprintf("%d requests are answered", n), func() (bool, error) {
		return s.AnsweredFrom(from) >= n, nil
	})
}

// kept promises that no held connection is lost and that all of them go on.
func (d *demo) kept(ctx context.Context, what string) error {
	now := time.Now()
	err := lab.Eventually(ctx, "the held connections go on", func() (bool, error) {
		return d.held.Conns().Since(now), nil
	})
	cs := d.held.Lap()
	d.claim(err == nil && cs.Broken() == 0 && len(cs) > 0, what, "%d of %d alive; stalled for %.1f s at most",
		len(cs)-cs.Broken(), len(cs), cs.Stall().Seconds())
	return err
}

// curls shows curl on the client.
func (d *demo) curls(ctx context.Context, n int) error {
	for range n {
		_, code, err := d.show(ctx, d.lab.Client, "curl", "--silent", "--max-time", "5", serviceURL)
		if err == nil && code != 0 {
			err = fmt.Errorf("curl %s: exit code %d", serviceURL, code)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// ask sends n requests one after the other and counts who answered.
func (d *demo) ask(ctx context.Context, n int) (map[string]int, error) {
	counts := map[string]int{}
	for range n {
		r := d.lab.Client.Get(ctx, serviceURL)
		if r.Err != nil {
			return counts, r.Err
		}
		counts[r.Server]++
	}
	return counts, nil
}

// status shows failover status and insists on its exit code and on words in it.
func (d *demo) status(ctx context.Context, n *lab.Node, want int, words ...string) error {
	out, code, err := d.show(ctx, n, "failover", "status")
	if err == nil && code != want {
		err = fmt.Errorf("failover status on %s: exit code %d, want %d", n.Name, code, want)
	}
	for _, w := range words {
		if err == nil && !strings.Contains(out, w) {
			err = fmt.Errorf("failover status on %s does not say %q", n.Name, w)
		}
	}
	return err
}

// inSync waits until both directors find the pair healthy, and in sync.
func (d *demo) inSync(ctx context.Context) error {
	for _, n := range d.lab.Directors() {
		err := lab.Eventually(ctx, n.Name+" shows the pair in sync", func() (bool, error) {
			out, err := n.Run(ctx, "failover", "status")
			return err == nil && strings.Contains(out, "in sync"), nil //nolint:nilerr // its exit code tells of what is not well yet
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// ipvsadm shows the tables of both directors.
func (d *demo) ipvsadm(ctx context.Context) error {
	for _, n := range d.lab.Directors() {
		if _, _, err := d.show(ctx, n, "ipvsadm", "-Ln"); err != nil {
			return err
		}
		d.gap()
	}
	return nil
}

// logged shows what a director has logged of its last change of role.
func (d *demo) logged(n *lab.Node) error {
	text, err := os.ReadFile(d.lab.Dir + "/" + n.Name + "-failover.log")
	if err != nil {
		return err
	}
	last := ""
	for line := range strings.Lines(string(text)) {
		if strings.Contains(line, "role changed") {
			last = line
		}
	}
	if last == "" {
		return fmt.Errorf("%s has logged no change of role", n.Name)
	}
	d.say("%s has logged:", n.Name)
	_, last, _ = strings.Cut(last, "level=") // the journal has the time itself
	fmt.Fprintf(d.out, "level=%s\n", strings.TrimSpace(last))
	return nil
}

func (d *demo) waitServers(ctx context.Context, count int) error {
	for _, n := range d.lab.Directors() {
		if err := d.pair.WaitServers(ctx, n, count); err != nil {
			return err
		}
	}
	return nil
}

// waitWeight waits until a real server has a weight in both tables.
func (d *demo) waitWeight(ctx context.Context, server string, weight int) error {
	for _, n := range d.lab.Directors() {
		what := fmt.Sprintf("%s has %s with weight %d", n.Name, server, weight)
		err := d.pair.WaitTable(ctx, n, what, func(table []string) bool {
			return slices.ContainsFunc(table, func(line string) bool {
				return strings.Contains(line, "-r "+server+" ") && strings.HasSuffix(line, fmt.Sprintf("-w %d", weight))
			})
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// sameTables tells whether both directors have the same table and that it is a
// service with two servers.
func (d *demo) sameTables(ctx context.Context) (same bool, lines int, err error) {
	a, err := d.pair.Table(ctx, d.lab.LB1)
	if err != nil {
		return false, 0, err
	}
	b, err := d.pair.Table(ctx, d.lab.LB2)
	return slices.Equal(a, b) && len(a) == 3, len(a), err
}
