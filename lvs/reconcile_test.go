package lvs_test

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"failover/lvs"
	"failover/lvs/lvstest"
)

const (
	webRules = "-A -t 172.20.10.4:80 -s rr\n" +
		"-a -t 172.20.10.4:80 -r 192.168.33.92:80 -m -w 1\n" +
		"-a -t 172.20.10.4:80 -r 192.168.33.93:80 -m -w 1\n"
	dnsRules = "-A -u 172.20.10.4:53 -s wlc\n" +
		"-a -u 172.20.10.4:53 -r 192.168.33.92:53 -m -w 1\n"
)

// bench is a Reconciler at work in a bubble.
type bench struct {
	*testing.T
	kernel lvstest.Kernel
	store  lvstest.Store
	r      *lvs.Reconciler

	mu   sync.Mutex
	seen []lvs.Result
}

// results returns what the Reconciler has reported so far.
func (b *bench) results() []lvs.Result {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.seen)
}

func (b *bench) report(r lvs.Result) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.seen = append(b.seen, r)
}

// reconciling runs f beside a Reconciler whose kernel holds the rules.
func reconciling(t *testing.T, rules string, f func(b *bench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := &bench{T: t}
		b.kernel.Load(rules)
		b.r = lvs.New(lvs.Config{
			Kernel: &b.kernel, Store: &b.store, Log: slog.New(slog.DiscardHandler),
			OnResult: b.report,
		})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- b.r.Run(ctx) }()
		f(b)
		left := b.kernel.String()
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
		if b.kernel.String() != left {
			t.Errorf("the end of Run changed the table")
		}
	})
}

// set wants the rules and waits until the Reconciler is idle.
func (b *bench) set(rules string) lvs.Result {
	b.Helper()
	b.r.Set(parse(b, rules))
	synctest.Wait()
	return b.last()
}

func (b *bench) last() lvs.Result {
	b.Helper()
	results := b.results()
	if len(results) == 0 {
		b.Fatal("no result yet")
	}
	return results[len(results)-1]
}

// after lets time pass.
func (b *bench) after(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func (b *bench) has(rules string) {
	b.Helper()
	if got := b.kernel.String(); got != rules {
		b.Errorf("the kernel has\n%swant\n%s", got, rules)
	}
}

func TestNothingBeforeTheFirstSet(t *testing.T) {
	reconciling(t, webRules, func(b *bench) {
		b.after(time.Minute)
		if len(b.results()) > 0 || len(b.kernel.Done()) > 0 {
			b.Errorf("something was done: %v", b.kernel.Done())
		}
		table, err := b.r.Dump(context.Background())
		if err != nil || lvs.Format(table) != webRules {
			b.Errorf("Dump before the first Set: %v\n%s", err, lvs.Format(table))
		}
	})
}

func TestSet(t *testing.T) {
	reconciling(t, dnsRules, func(b *bench) {
		res := b.set(webRules)
		if !res.Converged || res.Err != nil || len(res.Errors) > 0 || len(res.Done) != 3 || res.Repairs != 0 || res.Generation != 1 {
			b.Errorf("result %+v", res)
		}
		b.has(webRules + dnsRules) // what is not ours stays
		if want := lvs.Digest(parse(b, webRules+dnsRules)); res.Digest != want {
			b.Errorf("digest %s, want %s", res.Digest, want)
		}
		res = b.set("")
		b.has(dnsRules)
		if owned, _ := b.store.Owned(); len(owned.Services) != 0 || !res.Converged {
			b.Errorf("still owned: %v", owned)
		}
	})
}

func TestAdoptedTableIsLeftAsItIs(t *testing.T) {
	reconciling(t, webRules, func(b *bench) {
		if res := b.set(webRules); !res.Converged || len(res.Done) != 0 {
			b.Errorf("result %+v", res)
		}
		if owned, _ := b.store.Owned(); len(owned.Services) != 1 {
			b.Errorf("not taken into the owned set: %v", owned)
		}
		b.set("")
		b.has("")
	})
}

// TestOwnedBeforeTheFirstOperation: a process killed after any operation has
// already said that the service is its own.
func TestOwnedBeforeTheFirstOperation(t *testing.T) {
	reconciling(t, "", func(b *bench) {
		b.kernel.Fault(func(op lvs.Op) error {
			if owned, _ := b.store.Owned(); !owned.Has(op.Service.Key) {
				b.Errorf("%s before the owned set has it", op)
			}
			return nil
		})
		b.set(webRules + dnsRules)
		b.set(webRules)
		if owned, _ := b.store.Owned(); len(owned.Services) != 1 {
			b.Errorf("owned after the deletion: %v", owned)
		}
	})
}

func TestForeignChangeIsPutBackWithinASecond(t *testing.T) {
	reconciling(t, "", func(b *bench) {
		b.set(webRules)
		changes := map[string]func(){
			"ipvsadm -C": b.kernel.Flush,
			"a weight": func() {
				s := parse(b, webRules).Services[0]
				r := s.Servers[0]
				r.Weight = 9
				b.kernel.Stranger(lvs.Op{Kind: lvs.SetServer, Service: s, Server: r})
			},
			"a server too many": func() {
				s := parse(b, webRules).Services[0]
				r := s.Servers[0]
				r.Address = parse(b, dnsRules).Services[0].Servers[0].Address
				b.kernel.Stranger(lvs.Op{Kind: lvs.AddServer, Service: s, Server: r})
			},
		}
		for name, change := range changes {
			change()
			b.after(time.Second)
			b.has(webRules)
			if res := b.last(); res.Repairs == 0 || res.Repairs != len(res.Done) || !res.Converged {
				b.Errorf("%s: %d repairs of %d operations", name, res.Repairs, len(res.Done))
			}
		}
	})
}

// TestForeignChangeThatProcDoesNotShow: flags and thresholds are found by the
// full dump, at most 10 s later.
func TestForeignChangeThatProcDoesNotShow(t *testing.T) {
	reconciling(t, "", func(b *bench) {
		b.set(webRules)
		s := parse(b, webRules).Services[0]
		s.Flags = lvs.FlagSched1
		b.kernel.Stranger(lvs.Op{Kind: lvs.SetService, Service: s})
		b.after(10 * time.Second)
		b.has(webRules)
		if b.last().Repairs != 1 {
			b.Errorf("result %+v", b.last())
		}
	})
}

// TestOwnChangesNeedNoDumpFirst: what the last pass left is known while the look
// shows nothing else, and what the look does not show is found all the same.
func TestOwnChangesNeedNoDumpFirst(t *testing.T) {
	reconciling(t, "", func(b *bench) {
		b.set(webRules)
		before := b.kernel.Dumps()
		b.set(webRules + dnsRules)
		if n := b.kernel.Dumps() - before; n != 1 {
			b.Errorf("%d dumps for a change, want the one after it", n)
		}
		s := parse(b, webRules).Services[0]
		s.Flags = lvs.FlagSched1
		b.kernel.Stranger(lvs.Op{Kind: lvs.SetService, Service: s})
		for range 10 {
			b.set(webRules + dnsRules)
			b.after(time.Second)
		}
		b.has(webRules + dnsRules)
	})
}

// TestRepairBesideAnOwnChange: one pass tells what it does for us from what it
// puts back.
func TestRepairBesideAnOwnChange(t *testing.T) {
	reconciling(t, "", func(b *bench) {
		b.set(webRules)
		s := parse(b, webRules).Services[0]
		b.kernel.Stranger(lvs.Op{Kind: lvs.DelServer, Service: s, Server: s.Servers[0]})
		res := b.set(strings.Replace(webRules, "93:80 -m -w 1", "93:80 -m -w 2", 1))
		if len(res.Done) != 2 || res.Repairs != 1 {
			b.Errorf("%d operations, %d repairs: %v", len(res.Done), res.Repairs, res.Done)
		}
	})
}

func TestFailedOperationIsNamedAndTheRestGoesOn(t *testing.T) {
	reconciling(t, "", func(b *bench) {
		unknown := strings.Replace(dnsRules, "wlc", "nosuch", 1)
		res := b.set(webRules + unknown)
		b.has(webRules)
		if res.Converged || len(res.Errors) != 1 || !errors.Is(res.Errors[0].Err, lvs.ErrScheduler) || res.Errors[0].Op.Kind != lvs.AddService {
			b.Fatalf("errors %v", res.Errors)
		}
		tries := 0
		b.kernel.Fault(func(op lvs.Op) error {
			if op.Kind == lvs.AddService {
				tries++
			}
			return nil
		})
		b.after(10 * time.Minute)
		// 1 + 2 + 4 + 8 + 16 + 30 + … seconds; the dumps in between leave it alone.
		if tries < 20 || tries > 25 {
			b.Errorf("tried again %d times in 10 minutes", tries)
		}
		for _, r := range b.results() {
			if r.Repairs != 0 || r.Converged || len(r.Errors) != 1 {
				b.Errorf("a failing operation: %+v", r)
			}
		}
		if res := b.set(webRules + dnsRules); !res.Converged {
			b.Errorf("errors %v", res.Errors)
		}
	})
}

// TestForeignChangeBesideAFailingOperation: the one that fails waits for its next
// try, the others do not wait for it.
func TestForeignChangeBesideAFailingOperation(t *testing.T) {
	reconciling(t, "", func(b *bench) {
		b.set(webRules + strings.Replace(dnsRules, "wlc", "nosuch", 1))
		b.after(5 * time.Minute)
		b.kernel.Flush()
		b.after(time.Second)
		b.has(webRules)
		s := parse(b, webRules).Services[0]
		s.Flags = lvs.FlagSched1
		b.kernel.Stranger(lvs.Op{Kind: lvs.SetService, Service: s})
		b.after(10 * time.Second)
		b.has(webRules)
	})
}

// TestOldServerStaysWhereTheNewOneFails: better an old server than none; the rest
// of the service changes, and with the new one the old one goes.
func TestOldServerStaysWhereTheNewOneFails(t *testing.T) {
	const next = "-A -t 172.20.10.4:80 -s rr\n-a -t 172.20.10.4:80 -r 192.168.33.99:80 -m -w 1\n"
	reconciling(t, webRules, func(b *bench) {
		refuse := errors.New("no")
		b.kernel.Fault(func(op lvs.Op) error {
			if op.Kind == lvs.AddServer {
				return refuse
			}
			return nil
		})
		res := b.set(next)
		if res.Converged || len(res.Errors) != 1 || !errors.Is(res.Errors[0].Err, refuse) {
			b.Errorf("result %+v", res)
		}
		b.has(strings.Replace(webRules, "-a -t 172.20.10.4:80 -r 192.168.33.92:80 -m -w 1\n", "", 1))
		b.kernel.Fault(nil)
		b.after(time.Second)
		b.has(next)
	})
}

func TestHangingOperationEndsByItsDeadline(t *testing.T) {
	reconciling(t, "", func(b *bench) {
		b.kernel.Fault(func(op lvs.Op) error {
			if op.Kind == lvs.AddServer && op.Server.Address.Addr().As4()[3] == 92 && op.Service.Key.Protocol == lvs.TCP {
				return lvstest.ErrHang
			}
			return nil
		})
		b.r.Set(parse(b, webRules+dnsRules))
		b.after(2 * time.Second)
		res := b.last()
		if len(res.Errors) != 1 || !errors.Is(res.Errors[0].Err, context.DeadlineExceeded) || len(res.Done) != 4 {
			b.Fatalf("errors %v, done %v", res.Errors, res.Done)
		}
		b.kernel.Fault(nil)
		b.after(time.Second)
		b.has(webRules + dnsRules)
	})
}

func TestNewestWins(t *testing.T) {
	reconciling(t, "", func(b *bench) {
		for range 100 {
			b.r.Set(parse(b, dnsRules))
		}
		if res := b.set(webRules); res.Generation != 101 || !res.Converged {
			b.Errorf("result %+v", res)
		}
		b.has(webRules)
	})
}

// TestNewerTableInterruptsALongPass: what is wanted now does not wait for the
// rest of what was wanted before.
func TestNewerTableInterruptsALongPass(t *testing.T) {
	reconciling(t, "", func(b *bench) {
		b.kernel.Fault(func(lvs.Op) error { time.Sleep(150 * time.Millisecond); return nil })
		b.r.Set(parse(b, webRules+dnsRules))
		b.after(10 * time.Millisecond)
		b.kernel.Fault(nil)
		b.r.Set(parse(b, dnsRules))
		b.after(time.Second)
		b.has(dnsRules)
		if !b.last().Converged {
			b.Errorf("result %+v", b.last())
		}
	})
}

func TestDumpFails(t *testing.T) {
	reconciling(t, webRules, func(b *bench) {
		b.kernel.FailDump(lvs.ErrNoIPVS)
		if res := b.set(dnsRules); !errors.Is(res.Err, lvs.ErrNoIPVS) || res.Converged {
			b.Errorf("result %+v", res)
		}
		b.has(webRules)
		b.kernel.FailDump(nil)
		b.after(time.Second)
		b.has(webRules + dnsRules)
	})
}

// torn is a kernel whose table a stranger changes while it is read, so many times:
// the dump lacks an entry that is there.
type torn struct {
	lvstest.Kernel
	times int
}

func (k *torn) Dump(ctx context.Context) (lvs.Table, error) {
	table, err := k.Kernel.Dump(ctx)
	if k.times > 0 {
		k.times--
		table.Services = table.Services[1:]
		foreign := lvs.Service{Key: lvs.Key{FWMark: uint32(k.times + 7), Address: netip.MustParseAddrPort("0.0.0.0:0")}, Scheduler: "rr"}
		k.Stranger(lvs.Op{Kind: lvs.AddService, Service: foreign})
	}
	return table, err
}

// TestTableChangedWhileRead: a dump that a change has torn is taken again, and nothing
// that it lacks is taken for missing.
func TestTableChangedWhileRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, k := &bench{T: t}, &torn{}
		b.r = lvs.New(lvs.Config{Kernel: k, Store: &b.store, Log: slog.New(slog.DiscardHandler), OnResult: b.report})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- b.r.Run(ctx) }()
		b.set(webRules + dnsRules)
		var tried []lvs.Op // also what the kernel refuses, because it is there
		k.Fault(func(op lvs.Op) error { tried = append(tried, op); return nil })
		k.times = 2
		k.Stranger(lvs.Op{Kind: lvs.SetTimeouts, Timeouts: lvs.Timeouts{TCP: 60}}) // for the look to see
		b.after(2 * time.Second)
		if k.times > 0 || len(tried) > 0 || !b.last().Converged {
			t.Errorf("%d changes not made; after a torn dump %v, converged %t", k.times, tried, b.last().Converged)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
}

// TestStoreFails: service goes before tidiness.
func TestStoreFails(t *testing.T) {
	full := errors.New("no space left on device")
	reconciling(t, "", func(b *bench) {
		b.store.Fail(full)
		if res := b.set(webRules); !errors.Is(res.Err, full) || !res.Converged {
			b.Errorf("result %+v", res)
		}
		b.has(webRules)
		b.store.Fail(nil)
		b.after(2 * time.Second)
		if owned, _ := b.store.Owned(); len(owned.Services) != 1 || b.last().Err != nil {
			b.Errorf("owned %v, error %v", owned, b.last().Err)
		}
	})
}

func TestPlan(t *testing.T) {
	reconciling(t, webRules, func(b *bench) {
		ops, err := b.r.Plan(context.Background(), parse(b, dnsRules))
		if err != nil || len(ops) != 2 {
			b.Errorf("plan %v, %v", ops, err)
		}
		b.has(webRules)
	})
}

// TestRaceWithAStranger: an entry that somebody else makes or takes between dump
// and operation is no error.
func TestRaceWithAStranger(t *testing.T) {
	reconciling(t, "", func(b *bench) {
		once := true
		b.kernel.Fault(func(op lvs.Op) error {
			if op.Kind == lvs.AddServer && once {
				once = false
				op.Server.Weight = 7
				b.kernel.Stranger(op)
			}
			return nil
		})
		if res := b.set(webRules); !res.Converged || len(res.Errors) > 0 {
			b.Errorf("result %+v", res)
		}
		b.has(webRules)
	})
}

func TestSyncDaemonsAreKept(t *testing.T) {
	reconciling(t, "", func(b *bench) {
		want := parse(b, webRules)
		want.Sync = []lvs.Sync{{Role: lvs.SyncBackup, Interface: "eth1", ID: 51}, {Role: lvs.SyncMaster, Interface: "eth1", ID: 51}}
		b.r.Set(want)
		synctest.Wait()
		if res := b.last(); !res.Converged || len(res.Table.Sync) != 2 {
			b.Fatalf("result %+v", res)
		}
		b.kernel.Stranger(lvs.Op{Kind: lvs.StopSync, Sync: want.Sync[0]})
		b.after(time.Second)
		if res := b.last(); res.Repairs != 1 || len(res.Table.Sync) != 2 {
			b.Errorf("result %+v", res)
		}
		b.set(webRules)
		if res := b.last(); len(res.Table.Sync) != 0 {
			b.Errorf("sync daemons left: %v", res.Table.Sync)
		}
	})
}

// TestTimeoutsAreKept: what is 0 is nobody's business of ours.
func TestTimeoutsAreKept(t *testing.T) {
	reconciling(t, "", func(b *bench) {
		b.kernel.Stranger(lvs.Op{Kind: lvs.SetTimeouts, Timeouts: lvs.Timeouts{TCP: 900, TCPFin: 120, UDP: 300}})
		b.r.Set(lvs.Table{Timeouts: lvs.Timeouts{TCP: 7200}})
		synctest.Wait()
		if res := b.last(); !res.Converged || res.Table.Timeouts != (lvs.Timeouts{TCP: 7200, TCPFin: 120, UDP: 300}) {
			b.Fatalf("result %+v", res)
		}
		b.kernel.Stranger(lvs.Op{Kind: lvs.SetTimeouts, Timeouts: lvs.Timeouts{TCP: 60, UDP: 30}})
		b.after(time.Second)
		if res := b.last(); res.Repairs != 1 || res.Table.Timeouts != (lvs.Timeouts{TCP: 7200, TCPFin: 120, UDP: 30}) {
			b.Errorf("result %+v", res)
		}
		b.r.Set(lvs.Table{})
		synctest.Wait()
		if res := b.last(); !res.Converged || len(res.Done) != 0 || res.Table.Timeouts.TCP != 7200 {
			b.Errorf("not wanted any more: %+v", res)
		}
	})
}
