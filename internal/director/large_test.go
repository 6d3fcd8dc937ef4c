package director

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"failover/internal/ipc"
	"failover/lvs"
)

// largeFile has n virtual servers of ten real servers, all of them checked.
func largeFile(n int) string {
	var b strings.Builder
	b.WriteString("[director.lb1]\naddress = \"192.168.33.91\"\n[director.lb2]\naddress = \"192.168.33.94\"\n")
	for i := range n {
		fmt.Fprintf(&b, "[virtual_server.s%d]\naddress = \"10.100.%d.%d:80\"\nvirtual_router = \"none\"\nforward = \"dr\"\n", i, i>>8, i&255)
		b.WriteString("check = { kind = \"tcp\", interval = \"10s\", timeout = \"1s\" }\nreal_server = [\n")
		for j := range 10 {
			fmt.Fprintf(&b, "  { name = \"r%d\", address = \"10.%d.%d.%d:80\" },\n", j, 101+j, i>>8, i&255)
		}
		b.WriteString("]\n")
	}
	return b.String()
}

// TestManyFirstVerdicts: the verdicts on three thousand servers, which come in one by
// one, make a handful of tables, not thousands; each server is added once.
func TestManyFirstVerdicts(t *testing.T) {
	const services = 300
	synctest.Test(t, func(t *testing.T) {
		s := newStand(t, largeFile(services))
		s.start(ipc.Hello{})
		time.Sleep(5 * time.Second)
		synctest.Wait()
		done := map[lvs.OpKind]int{}
		for _, op := range s.kernel.Done() {
			done[op.Kind]++
		}
		if len(done) != 2 || done[lvs.AddService] != services || done[lvs.AddServer] != 10*services {
			t.Errorf("operations %v", done)
		}
		if n := s.kernel.Dumps(); n > 10 {
			t.Errorf("the table was read %d times", n)
		}
	})
}

// TestOpeningIsToldAtOnce: who begins to read a large file has come that far, which
// the engine hears before a second is over.
func TestOpeningIsToldAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &Director{o: Options{Line: newFakeLine()}}
		line := d.o.Line.(*fakeLine)
		told := func() int {
			line.mu.Lock()
			defer line.mu.Unlock()
			return line.openings
		}
		opened := d.opening(t.Context())
		for want := 1; want <= 3; want++ {
			synctest.Wait()
			if n := told(); n != want {
				t.Errorf("told %d times, want %d", n, want)
			}
			time.Sleep(alive)
		}
		opened()
		before := told()
		time.Sleep(time.Minute)
		if told() != before {
			t.Error("told after it was open")
		}
	})
}
