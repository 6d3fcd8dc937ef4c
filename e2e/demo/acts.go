package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"failover/e2e/lab"
)

// Limits of what the demo promises, from the configuration it shows: adverts
// every second, a check every second that fails three times after at most one
// second each. An emulated machine is given half as much again.
const (
	cutLimit   = 3610 * time.Millisecond * 3 / 2 // Master_Down_Interval of lb2
	deathLimit = 4 * time.Second * 3 / 2         // fall × interval + timeout
)

// demo is the play: its stage and what is on it.
type demo struct {
	*screen
	lab  *lab.Lab
	pair *lab.Pair
	held *lab.Held // connections that a client keeps in use all the time
}

func (d *demo) end() {
	if d.held != nil {
		d.held.Stop()
	}
}

// play goes through all acts.
func (d *demo) play(ctx context.Context) error {
	for _, act := range []func(context.Context) error{
		d.start, d.balance, d.loseMaster, d.returnMaster, d.loseServer, d.returnServer, d.count,
	} {
		if err := act(ctx); err != nil {
			return err
		}
	}
	return nil
}

const picture = `
                 client 172.20.10.1
                        |
        ---------- outside ----------      172.20.10.4    the service, on the master
          | .5                  | .6
         lb1                   lb2         the directors, with the same failover.toml
          | .91                 | .94
        ---------- inside -----------      192.168.33.90  the gateway, on the master
             | .92         | .93
            web1          web2             default gateway 192.168.33.90
`

func (d *demo) start(ctx context.Context) error {
	fmt.Fprint(d.out, picture)
	d.act("Start the pair")
	if _, err := d.show(ctx, d.lab.LB1, "failover", "validate"); err != nil {
		return err
	}
	for _, n := range d.lab.Directors() {
		d.prompt(n.Name, "systemctl start failover")
	}
	begin := time.Now()
	if err := d.pair.Start(ctx); err != nil {
		return err
	}
	d.say("lb1 has the addresses and both have the table, %.1f s after the start", time.Since(begin).Seconds())
	return d.pair.WaitService(ctx)
}

func (d *demo) balance(ctx context.Context) error {
	d.act("Requests go to both web servers in turn, and both directors have the same table")
	if _, err := d.curls(ctx, 4); err != nil {
		return err
	}
	var err error
	if d.held, err = d.lab.Client.Hold(ctx, lab.HeldSpec{Address: lab.Service}); err != nil {
		return err
	}
	counts, err := d.ask(ctx, 20)
	if err != nil {
		return err
	}
	d.claim(counts["web1"] == 10 && counts["web2"] == 10, "the servers answer in turn",
		"web1 %d, web2 %d of 20", counts["web1"], counts["web2"])
	for _, n := range d.lab.Directors() {
		if err := d.status(ctx, n, 0); err != nil {
			return err
		}
	}
	for _, n := range d.lab.Directors() {
		if _, err := d.show(ctx, n, "ipvsadm", "-Ln"); err != nil {
			return err
		}
	}
	same, lines, err := d.sameTables(ctx)
	d.claim(same, "both directors have the same table", "%d lines of ipvsadm -Sn compared", lines)
	return err
}

func (d *demo) loseMaster(ctx context.Context) error {
	d.act("Cut both cables of the master")
	s := d.lab.Client.Stream(lab.StreamSpec{URL: serviceURL, Every: 50 * time.Millisecond})
	d.say("a client sends 20 requests a second and keeps %d connections in use", len(d.held.Conns()))
	if err := d.pair.WaitService(ctx); err != nil {
		return err
	}
	d.say("cut")
	if err := d.lab.Cut(d.lab.LB1); err != nil {
		return err
	}
	if err := d.pair.WaitHolder(ctx, d.lab.LB2); err != nil {
		return err
	}
	if err := d.pair.WaitService(ctx); err != nil {
		return err
	}
	if err := d.status(ctx, d.lab.LB2, 0); err != nil {
		return err
	}
	d.log(d.lab.LB2)
	if err := d.status(ctx, d.lab.LB1, 1); err != nil {
		return err
	}
	rs := s.Stop()
	d.claim(rs.Gap() <= cutLimit && len(rs) > 0, "master cut off: lb2 takes over",
		"no answer for %.1f s, then all is well; %d of %d requests failed", rs.Gap().Seconds(), len(rs.Failed()), len(rs))
	return nil
}

func (d *demo) returnMaster(ctx context.Context) error {
	d.act("Plug the cables in again: lb1 has the higher priority and takes over")
	s := d.lab.Client.Stream(lab.StreamSpec{URL: serviceURL, Every: 50 * time.Millisecond})
	if err := d.lab.Restore(d.lab.LB1); err != nil {
		return err
	}
	if err := d.pair.WaitHolder(ctx, d.lab.LB1); err != nil {
		return err
	}
	if err := d.status(ctx, d.lab.LB1, 0); err != nil {
		return err
	}
	d.log(d.lab.LB1)
	rs := s.Stop()
	d.claim(len(rs.Failed()) == 0 && len(rs) > 0, "master back: nothing is lost",
		"0 of %d requests failed; slowest %.2f s", len(rs), rs.Slowest().Seconds())
	if failed := rs.Failed(); len(failed) > 0 {
		d.say("%v", rs)
	}
	return nil
}

func (d *demo) loseServer(ctx context.Context) error {
	d.act("Kill web server web1")
	begin := time.Now()
	d.lab.Web1.Stop()
	for _, n := range d.lab.Directors() {
		if err := d.pair.WaitServers(ctx, n, 1); err != nil {
			return err
		}
	}
	took := time.Since(begin)
	if _, err := d.show(ctx, d.lab.LB1, "ipvsadm", "-Ln"); err != nil {
		return err
	}
	if err := d.status(ctx, d.lab.LB1, 1); err != nil {
		return err
	}
	d.claim(took <= deathLimit, "dead web server: out of both tables", "after %.1f s", took.Seconds())
	if _, err := d.curls(ctx, 4); err != nil {
		return err
	}
	counts, err := d.ask(ctx, 20)
	d.claim(counts["web2"] == 20, "the other one answers everything", "web2 %d of 20", counts["web2"])
	return err
}

func (d *demo) returnServer(ctx context.Context) error {
	d.act("Start web1 again")
	begin := time.Now()
	if err := d.lab.Web1.Start(); err != nil {
		return err
	}
	for _, n := range d.lab.Directors() {
		if err := d.pair.WaitServers(ctx, n, 2); err != nil {
			return err
		}
	}
	took := time.Since(begin)
	if _, err := d.curls(ctx, 4); err != nil {
		return err
	}
	counts, err := d.ask(ctx, 20)
	if err != nil {
		return err
	}
	d.claim(counts["web1"] == 10 && counts["web2"] == 10, "web server back: in both tables again",
		"after %.1f s; web1 %d, web2 %d of 20", took.Seconds(), counts["web1"], counts["web2"])
	return nil
}

// count looks at the connections that were held all the time. Those with the
// killed web server ended with it.
func (d *demo) count(context.Context) error {
	conns := d.held.Stop()
	left := slices.DeleteFunc(conns, func(c lab.HeldConn) bool { return c.Server == "web1" })
	d.claim(left.Broken() == 0 && len(left) > 0, "connections held through all of it",
		"%d of %d to web2 alive, longest stall %.1f s", len(left)-left.Broken(), len(left), left.Stall().Seconds())
	return nil
}

const serviceURL = "http://" + lab.Service + "/"

// curls shows curl on the client.
func (d *demo) curls(ctx context.Context, n int) ([]string, error) {
	var got []string
	for range n {
		d.prompt("client", "curl "+serviceURL)
		out, err := d.lab.Client.Run(ctx, "curl", "-sS", "--max-time", "5", serviceURL)
		if err != nil {
			return nil, err
		}
		fmt.Fprint(d.out, out)
		got = append(got, strings.TrimSpace(out))
	}
	return got, nil
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

// status shows failover status and insists on its exit code.
func (d *demo) status(ctx context.Context, n *lab.Node, want int) error {
	code, err := d.show(ctx, n, "failover", "status")
	if err == nil && code != want {
		err = fmt.Errorf("failover status on %s: exit code %d, want %d", n.Name, code, want)
	}
	return err
}

// log shows what a director has logged of its last change of role.
func (d *demo) log(n *lab.Node) {
	d.prompt(n.Name, "journalctl -u failover | tail")
	fmt.Fprintln(d.out, d.pair.Unit(n).LogTail(10))
}

func (d *demo) sameTables(ctx context.Context) (same bool, lines int, err error) {
	a, err := d.pair.Table(ctx, d.lab.LB1)
	if err != nil {
		return false, 0, err
	}
	b, err := d.pair.Table(ctx, d.lab.LB2)
	return slices.Equal(a, b) && len(a) == 3, len(a), err
}
