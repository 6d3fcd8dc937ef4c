package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"failover/e2e/lab"
)

// Limits of what the demo promises, from the configuration it shows: adverts
// every second; a check every second, with a second's patience, that takes a
// server out at the third failure and in at the second success. An emulated
// machine that has other work too is given twice as much.
const (
	cutLimit    = 2 * 3610 * time.Millisecond // Master_Down_Interval of lb2
	deathLimit  = 2 * 4 * time.Second         // fall × interval + timeout
	returnLimit = 2 * 4 * time.Second         // (rise + 1) × interval + timeout
)

// web1 is a real server as ipvsadm writes it.
const web1 = "192.168.33.92:80"

const picture = `
                 client 172.20.10.1
                        |
        ---------- outside ----------      172.20.10.4    the service, on the master
          | .5                  | .6
         lb1                   lb2         the directors, with the same file
          | .91                 | .94
        ---------- inside -----------      192.168.33.90  the gateway, on the master
              | .92       | .93
             web1        web2              their default gateway is 192.168.33.90
`

// play goes through all acts.
func (d *demo) play(ctx context.Context) error {
	fmt.Fprint(d.out, picture)
	for _, act := range []func(context.Context) error{
		d.start, d.balance, d.tables, d.operate, d.handOver, d.loseMaster, d.returnMaster, d.stopMaster, d.loseServer, d.returnServer,
	} {
		if err := act(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (d *demo) start(ctx context.Context) error {
	d.act("A key for each director, one file on both")
	if err := d.keys(ctx); err != nil {
		return err
	}
	for _, argv := range [][]string{{"cat", "/etc/failover/failover.toml"}, {"failover", "validate"}} {
		if _, _, err := d.show(ctx, d.lab.LB1, argv...); err != nil {
			return err
		}
		d.gap()
	}
	d.say("failover run starts on both; a small supervisor stands in for systemd")
	begin := time.Now()
	if err := d.pair.Start(ctx); err != nil {
		return err
	}
	if err := d.pair.WaitService(ctx); err != nil {
		return err
	}
	d.say("%.1f s later lb1 is master and the service answers", time.Since(begin).Seconds())
	return nil
}

// keys makes them, and writes the public halves into the file.
func (d *demo) keys(ctx context.Context) error {
	setup := d.pair.Setup
	setup.PublicKeys = map[string]string{}
	for _, n := range d.lab.Directors() {
		out, _, err := d.show(ctx, n, "failover", "keygen")
		if err != nil {
			return err
		}
		if setup.PublicKeys[n.Name], err = lab.PublicKey(out); err != nil {
			return err
		}
	}
	d.gap()
	return d.pair.Configure(setup)
}

func (d *demo) balance(ctx context.Context) (err error) {
	d.act("The web servers answer in turn")
	if d.held, err = d.lab.Client.Hold(ctx, lab.HeldSpec{Address: lab.Service}); err != nil {
		return err
	}
	if err := d.curls(ctx, 4); err != nil {
		return err
	}
	counts, err := d.ask(ctx, 20)
	d.claim(err == nil && counts["web1"] == 10 && counts["web2"] == 10, "the web servers answer in turn",
		"%d by web1, %d by web2 of 20 requests", counts["web1"], counts["web2"])
	return err
}

func (d *demo) tables(ctx context.Context) error {
	d.act("One master, the same IPVS table on both")
	if err := d.inSync(ctx); err != nil {
		return err
	}
	if err := d.status(ctx, d.lab.LB2, 0, "in sync"); err != nil {
		return err
	}
	d.gap()
	if err := d.ipvsadm(ctx); err != nil {
		return err
	}
	same, lines, err := d.sameTables(ctx)
	d.claim(same, "both directors have the same table", "ipvsadm -Sn compared, %d lines", lines)
	return err
}

// operate takes a web server out by a word on the backup.
func (d *demo) operate(ctx context.Context) error {
	d.act("The operator takes web1 out, on either director")
	rs, err := d.during(ctx, func() error {
		if _, _, err := d.show(ctx, d.lab.LB2, "failover", "drain", "web", "web1"); err != nil {
			return err
		}
		return d.waitWeight(ctx, web1, 0)
	})
	if err != nil {
		return err
	}
	if err := d.ipvsadm(ctx); err != nil {
		return err
	}
	d.claim(len(rs.Failed()) == 0, "drained on both: no request is lost", "%d of %d requests failed", len(rs.Failed()), len(rs))
	if err := d.kept(ctx, "its connections go on"); err != nil {
		return err
	}
	if _, _, err := d.show(ctx, d.lab.LB1, "failover", "enable", "web", "web1"); err != nil {
		return err
	}
	if err := d.waitWeight(ctx, web1, 1); err != nil {
		return err
	}
	return d.inSync(ctx)
}

// handOver has lb2 become master and lb1 again.
func (d *demo) handOver(ctx context.Context) error {
	d.act("The operator hands over to lb2, and back")
	rs, err := d.during(ctx, func() error {
		for _, step := range []struct {
			to   *lab.Node
			argv []string
		}{
			{d.lab.LB2, []string{"failover", "switchover"}},
			{d.lab.LB1, []string{"failover", "switchover", "--clear"}},
		} {
			if _, code, err := d.show(ctx, d.lab.LB1, step.argv...); err != nil || code != 0 {
				return fmt.Errorf("%s: exit code %d: %w", strings.Join(step.argv, " "), code, err)
			}
			if err := d.pair.WaitHolder(ctx, step.to); err != nil {
				return err
			}
			if err := d.logged(step.to); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	d.claim(len(rs.Failed()) == 0, "handed over and back: nothing is lost", "%d of %d requests failed", len(rs.Failed()), len(rs))
	return d.kept(ctx, "connections outlive both")
}

func (d *demo) loseMaster(ctx context.Context) error {
	d.act("The master's cables are cut")
	d.say("a client sends 20 requests a second and keeps %d connections in use", len(d.held.Conns()))
	d.held.Lap()
	rs, err := d.during(ctx, func() error {
		if err := d.lab.Cut(d.lab.LB1); err != nil {
			return err
		}
		return d.pair.WaitHolder(ctx, d.lab.LB2)
	})
	if err != nil {
		return err
	}
	if err := d.logged(d.lab.LB2); err != nil {
		return err
	}
	if err := d.status(ctx, d.lab.LB2, 1, "problem: lb1 does not answer on the peer link"); err != nil {
		return err
	}
	d.claim(rs.Gap() <= cutLimit, "master cut off: the service goes on",
		"no answer for %.1f s; %d of %d requests failed", rs.Gap().Seconds(), len(rs.Failed()), len(rs))
	return d.kept(ctx, "connections outlive the cut")
}

func (d *demo) returnMaster(ctx context.Context) error {
	d.act("The cables are plugged in again: lb1 has the higher priority")
	rs, err := d.during(ctx, func() error {
		if err := d.lab.Restore(d.lab.LB1); err != nil {
			return err
		}
		return d.pair.WaitHolder(ctx, d.lab.LB1)
	})
	if err != nil {
		return err
	}
	if err := d.logged(d.lab.LB1); err != nil {
		return err
	}
	if err := d.inSync(ctx); err != nil {
		return err
	}
	if err := d.status(ctx, d.lab.LB1, 0, "in sync"); err != nil {
		return err
	}
	d.claim(len(rs.Failed()) == 0, "master back: no request is lost", "%d of %d requests failed", len(rs.Failed()), len(rs))
	return d.kept(ctx, "connections outlive the way back")
}

func (d *demo) stopMaster(ctx context.Context) error {
	d.act("The master's daemon is stopped, as for an update, and started again")
	lb1 := d.pair.Unit(d.lab.LB1)
	rs, err := d.during(ctx, func() error {
		d.say("SIGTERM, as systemctl stop sends it")
		if err := lb1.Stop(ctx); err != nil {
			return err
		}
		if err := d.pair.WaitHolder(ctx, d.lab.LB2); err != nil {
			return err
		}
		if err := d.logged(d.lab.LB2); err != nil {
			return err
		}
		d.say("failover run")
		if err := lb1.Start(ctx); err != nil {
			return err
		}
		if err := d.pair.WaitHolder(ctx, d.lab.LB1); err != nil {
			return err
		}
		return d.logged(d.lab.LB1)
	})
	if err != nil {
		return err
	}
	d.claim(len(rs.Failed()) == 0, "daemon stopped, started: nothing is lost", "%d of %d requests failed", len(rs.Failed()), len(rs))
	return d.kept(ctx, "connections outlive that too")
}

func (d *demo) loseServer(ctx context.Context) error {
	d.act("Web server web1 dies")
	var took time.Duration
	rs, err := d.during(ctx, func() error {
		begin := time.Now()
		d.lab.Web1.Stop()
		defer func() { took = time.Since(begin) }()
		return d.waitServers(ctx, 1)
	})
	if err != nil {
		return err
	}
	if err := d.ipvsadm(ctx); err != nil {
		return err
	}
	if err := d.status(ctx, d.lab.LB1, 1, "web: web1 is down"); err != nil {
		return err
	}
	d.claim(took <= deathLimit, "dead web server: out of both tables", "after %.1f s; %d of %d requests met it before",
		took.Seconds(), len(rs.Failed()), len(rs))
	if err := d.curls(ctx, 2); err != nil {
		return err
	}
	counts, err := d.ask(ctx, 20)
	d.claim(err == nil && counts["web2"] == 20, "the other one answers alone", "%d of 20 requests", counts["web2"])
	return err
}

func (d *demo) returnServer(ctx context.Context) error {
	d.act("web1 is started again")
	begin := time.Now()
	if err := d.lab.Web1.Start(); err != nil {
		return err
	}
	if err := d.waitServers(ctx, 2); err != nil {
		return err
	}
	took := time.Since(begin)
	if err := d.curls(ctx, 2); err != nil {
		return err
	}
	if err := d.inSync(ctx); err != nil {
		return err
	}
	if err := d.status(ctx, d.lab.LB1, 0, "in sync"); err != nil {
		return err
	}
	d.claim(took <= returnLimit, "web server back: in both tables", "after %.1f s", took.Seconds())
	counts, err := d.ask(ctx, 20)
	d.claim(err == nil && counts["web1"] == 10 && counts["web2"] == 10, "they answer in turn again",
		"%d by web1, %d by web2 of 20 requests", counts["web1"], counts["web2"])
	return err
}
