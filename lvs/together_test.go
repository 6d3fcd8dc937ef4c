package lvs_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"failover/lvs"
	"failover/lvs/lvstest"
)

// batcher is a fake kernel that takes several operations at once.
type batcher struct {
	lvstest.Kernel
	refuse  lvs.OpKind // what it fails
	batches []string
}

func (k *batcher) DoAll(ctx context.Context, ops []lvs.Op) []error {
	errs := make([]error, len(ops))
	words := make([]string, len(ops))
	for i, op := range ops {
		words[i] = op.String()
		if op.Kind == k.refuse {
			errs[i] = errors.New("no")
			continue
		}
		errs[i] = k.Do(ctx, op)
	}
	k.batches = append(k.batches, strings.Join(words, ", "))
	return errs
}

// TestServiceComesWithItsFirstServer: nothing pauses between a service and the
// first server that takes connections; the rest may.
func TestServiceComesWithItsFirstServer(t *testing.T) {
	for _, c := range []struct {
		name, rules string
		want        []string
	}{
		{"two services", webRules + dnsRules, []string{
			"add-service -t 172.20.10.4:80, add-server -t 172.20.10.4:80 -r 192.168.33.92:80, add-server -t 172.20.10.4:80 -r 192.168.33.93:80, " +
				"add-service -u 172.20.10.4:53, add-server -u 172.20.10.4:53 -r 192.168.33.92:53",
		}},
		{"one without servers", "-A -t 172.20.10.4:80 -s rr\n" + dnsRules, []string{
			"add-service -t 172.20.10.4:80, add-service -u 172.20.10.4:53, add-server -u 172.20.10.4:53 -r 192.168.33.92:53",
		}},
		{"the first takes no connections", strings.Replace(webRules, "-w 1", "-w 0", 1), []string{
			"add-service -t 172.20.10.4:80, add-server -t 172.20.10.4:80 -r 192.168.33.92:80, add-server -t 172.20.10.4:80 -r 192.168.33.93:80",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			k := &batcher{}
			result := reconcileOnce(t, k, c.rules)
			slices.Sort(k.batches)
			if !result.Converged || !slices.Equal(k.batches, c.want) {
				t.Errorf("converged %v; together\n\t%s\nwant\n\t%s", result.Converged, strings.Join(k.batches, "\n\t"), strings.Join(c.want, "\n\t"))
			}
		})
	}
}

// TestManyAtOnce: what only adds is given to the kernel in few pieces, none of them
// large, and no service without its first server.
func TestManyAtOnce(t *testing.T) {
	const services, servers, most = 200, 10, 64
	var rules strings.Builder
	for i := range services {
		fmt.Fprintf(&rules, "-A -t 10.1.0.%d:80 -s wlc\n", i)
		for j := range servers {
			fmt.Fprintf(&rules, "-a -t 10.1.0.%d:80 -r 10.2.%d.%d:80 -g -w 1\n", i, j, i)
		}
	}
	k := &batcher{}
	if result := reconcileOnce(t, k, rules.String()); !result.Converged || len(result.Done) != services*(1+servers) {
		t.Errorf("converged %v after %d operations", result.Converged, len(result.Done))
	}
	if n := len(k.batches); n > 2*services*(1+servers)/most {
		t.Errorf("%d pieces for %d operations", n, services*(1+servers))
	}
	for _, b := range k.batches {
		ops := strings.Split(b, ", ")
		if len(ops) > most {
			t.Errorf("%d operations at once", len(ops))
		}
		if last := ops[len(ops)-1]; strings.HasPrefix(last, "add-service") {
			t.Errorf("%s without a server", last)
		}
	}
}

// TestNothingLeavesBesideAnAddition: what takes away waits for what has become of what
// adds.
func TestNothingLeavesBesideAnAddition(t *testing.T) {
	k := &batcher{refuse: lvs.AddServer}
	k.Load(webRules)
	result := reconcileOnce(t, k, strings.ReplaceAll(strings.ReplaceAll(webRules, "192.168.33.92", "192.168.33.94"), "192.168.33.93", "192.168.33.95"))
	if len(result.Errors) == 0 || len(k.Done()) != 1 {
		t.Errorf("errors %v, done %v: want that one of the old servers stays", result.Errors, k.Done())
	}
	for _, b := range k.batches {
		if strings.Contains(b, "add-server") && strings.Contains(b, "del-server") {
			t.Errorf("together: %s", b)
		}
	}
}

// TestServiceThatFailsIsNamedAlone: its servers fail for no reason of their own.
func TestServiceThatFailsIsNamedAlone(t *testing.T) {
	result := reconcileOnce(t, &batcher{refuse: lvs.AddService}, webRules)
	if len(result.Errors) != 1 || result.Errors[0].Op.Kind != lvs.AddService {
		t.Errorf("errors %v", result.Errors)
	}
}

// slowKernel takes its time to be read: so much for each service.
type slowKernel struct {
	batcher
	each time.Duration
}

func (k *slowKernel) Dump(ctx context.Context) (lvs.Table, error) {
	t, err := k.Kernel.Dump(ctx)
	time.Sleep(time.Duration(len(t.Services)) * k.each)
	return t, errors.Join(err, ctx.Err())
}

// TestLargeTableIsReadSlowly: a table of ten thousand services on a busy machine is read
// to its end, however long that takes for all of them.
func TestLargeTableIsReadSlowly(t *testing.T) {
	const services = 1000
	k := &slowKernel{each: 36 * time.Millisecond}
	var want lvs.Table
	for i := range services {
		a := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 1, byte(i >> 8), byte(i)}), 80)
		want.Services = append(want.Services, lvs.Service{Key: lvs.Key{Protocol: lvs.TCP, Address: a}, Scheduler: "rr"})
	}
	synctest.Test(t, func(t *testing.T) {
		result := make(chan lvs.Result, 16)
		r := lvs.New(lvs.Config{Kernel: k, Store: &lvstest.Store{}, Log: slog.New(slog.DiscardHandler), OnResult: func(r lvs.Result) { result <- r }})
		r.Set(want)
		ctx, stop := context.WithTimeout(t.Context(), 2*services*k.each)
		defer stop()
		if err := r.Run(ctx); err != nil {
			t.Error(err)
		}
		if first := <-result; !first.Converged || first.Err != nil {
			t.Errorf("converged %v, %v", first.Converged, first.Err)
		}
	})
}

// reconcileOnce brings an empty kernel to rules and returns the first result.
func reconcileOnce(t *testing.T, k lvs.Kernel, rules string) (first lvs.Result) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		results := make(chan lvs.Result, 16)
		r := lvs.New(lvs.Config{Kernel: k, Store: &lvstest.Store{}, Log: slog.New(slog.DiscardHandler), OnResult: func(r lvs.Result) { results <- r }})
		want, err := lvs.Parse(rules)
		if err != nil {
			t.Fatal(err)
		}
		r.Set(want)
		ctx, stop := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer stop()
		if err := r.Run(ctx); err != nil {
			t.Error(err)
		}
		first = <-results
	})
	return first
}
