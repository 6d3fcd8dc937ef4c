package director

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"failover/internal/ipc"
	"failover/lvs"
)

// everyKind has a service of each kind that the kernel can have.
var everyKind = pairFile + `
[virtual_server.mail]
addresses = ["172.20.10.4:25", "172.20.10.4:26"]
protocol = ["tcp", "sctp"]
real_server = [ { name = "m1", address = "192.168.33.95:25" } ]
[virtual_server.dns]
address = "172.20.10.4:53"
protocol = "udp"
real_server = [ { name = "d1", address = "192.168.33.95:53" } ]
[virtual_server.marked]
fwmark = 7
virtual_router = "outside"
real_server = [ { name = "f1", address = "192.168.33.95" } ]
`

// foreignServices are somebody else's: on our address with another port, with
// another protocol, and by another mark.
const foreignServices = "-A -t 172.20.10.4:443 -s wlc\n" +
	"-a -t 172.20.10.4:443 -r 192.168.33.92:443 -m -w 1\n" +
	"-A -u 172.20.10.4:80 -s rr\n" +
	"-A -f 8 -s rr\n"

// TestRemovedServicesGo: what is removed from the file is removed from the kernel, of
// every kind, though the director was killed in between and the kernel refused at
// first. What is foreign is never touched.
func TestRemovedServicesGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStand(t, everyKind)
		s.kernel.Load(foreignServices)
		s.start(ipc.Hello{})
		time.Sleep(time.Second)
		synctest.Wait()
		full, err := lvs.Parse(s.table())
		if err != nil || len(full.Services) != 7+3 {
			t.Fatalf("%v in\n%s", err, s.table())
		}
		// Killed while it was removing: the kernel had not done it.
		s.kernel.Fault(func(op lvs.Op) error {
			if op.Kind == lvs.DelService {
				return errors.New("interrupted system call")
			}
			return nil
		})
		s.write(pairFile)
		if r, err := s.dir.Reload(t.Context()); err != nil || len(r.Problems) == 0 {
			t.Errorf("what could not be removed is no problem: %+v, %v", r, err)
		}
		s.line.Close()
		<-s.done

		next := newStand(t, pairFile)
		next.store = s.store
		next.kernel.Load(s.table())
		next.start(ipc.Hello{Resume: true})
		time.Sleep(time.Second)
		synctest.Wait()
		left, err := lvs.Parse(next.table())
		if err != nil {
			t.Fatal(err)
		}
		want, err := lvs.Parse(bothUp + foreignServices)
		if err != nil {
			t.Fatal(err)
		}
		if lvs.Format(left) != lvs.Format(want) {
			t.Errorf("left\n%swant\n%s", lvs.Format(left), lvs.Format(want))
		}
		for _, op := range append(s.kernel.Done(), next.kernel.Done()...) {
			if key := op.Service.Key.String(); strings.Contains(foreignServices, "-A "+key+" ") {
				t.Errorf("a foreign service was touched: %s", op)
			}
		}
		if o, err := next.store.Load(t.Context()); err != nil || len(o.Services) != 1 {
			t.Errorf("owned in the end: %+v, %v", o, err)
		}
	})
}

// TestRefusalIsNamed: what the kernel refuses is a problem of the status, by name,
// and the rest goes on.
func TestRefusalIsNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStand(t, everyKind)
		s.kernel.Fault(func(op lvs.Op) error {
			if op.Kind == lvs.AddService && op.Service.Key.Protocol == lvs.SCTP {
				return errors.New("protocol not supported")
			}
			return nil
		})
		s.start(ipc.Hello{})
		time.Sleep(2 * time.Second)
		synctest.Wait()
		problems := strings.Join(s.status().Problems, "\n")
		for _, want := range []string{
			"IPVS table: add-service --sctp-service 172.20.10.4:25: ",
			"mail: m1 is up but not in the kernel's table, sctp 172.20.10.4:26",
		} {
			if !strings.Contains(problems, want) {
				t.Errorf("problems\n%s\nwant %q among them", problems, want)
			}
		}
		if strings.Contains(problems, "tcp 172.20.10.4:25") {
			t.Errorf("what works is a problem:\n%s", problems)
		}
		if have, err := lvs.Parse(s.table()); err != nil || len(have.Services) != 5 {
			t.Errorf("the rest:\n%s(%v)", s.table(), err)
		}
		s.kernel.Fault(nil)
		time.Sleep(time.Minute)
		synctest.Wait()
		if have, err := lvs.Parse(s.table()); err != nil || len(have.Services) != 7 {
			t.Errorf("when it works again:\n%s(%v)", s.table(), err)
		}
	})
}
