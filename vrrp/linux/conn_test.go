package linux

import (
	"bytes"
	"errors"
	"slices"
	"testing"
	"time"

	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"

	"failover/vrrp"
)

// patience bounds every wait for something that must happen.
const patience = 5 * time.Second

// listen opens a Conn of the machine on the given ports.
func (m *machine) listen(ports ...vrrp.Port) *Conn {
	m.t.Helper()
	var c *Conn
	m.do(func() (err error) {
		c, err = Listen()
		return err
	})
	m.t.Cleanup(func() {
		if err := c.Shutdown(); err != nil {
			m.t.Error(err)
		}
	})
	for _, p := range ports {
		m.do(func() error { return c.Open(p) })
	}
	return c
}

// receive waits for one packet.
func receive(t *testing.T, c *Conn) vrrp.Packet {
	t.Helper()
	var p vrrp.Packet
	_, ok, err := c.Recv(Now().Add(patience), &p)
	if err != nil || !ok {
		t.Fatalf("no packet: ok %v, error %v", ok, err)
	}
	p.Payload = bytes.Clone(p.Payload)
	return p
}

// silent fails the test if a packet is there or comes within a moment.
func silent(t *testing.T, c *Conn) {
	t.Helper()
	var p vrrp.Packet
	if _, ok, err := c.Recv(Now().Add(30*time.Millisecond), &p); ok || err != nil {
		t.Fatalf("a packet where none may be: %+v, error %v", p, err)
	}
}

func send(t *testing.T, c *Conn, x vrrp.Transmission) {
	t.Helper()
	if err := c.Send(x); err != nil {
		t.Fatal(err)
	}
}

// sendAndWait sends n adverts, and one more that proves that they have arrived:
// a second listener has seen it, and every packet reaches all listeners before
// the next one does.
func sendAndWait(t *testing.T, from *Conn, at *machine, x vrrp.Transmission, n int) {
	t.Helper()
	witness := at.listen(vrrp.Port{Interface: x.Interface, Multicast: true})
	for range n + 1 {
		send(t, from, x)
	}
	for range n + 1 {
		receive(t, witness)
	}
}

func TestAdvertsCross(t *testing.T) {
	for _, tt := range []struct {
		name      string
		multicast bool
		src, dst  string
	}{
		{"multicast", true, "192.0.2.1", "224.0.0.18"},
		{"multicast from an address we do not have", true, "192.0.2.77", "224.0.0.18"},
		{"unicast", false, "192.0.2.1", "192.0.2.2"},
		{"unicast from an address we do not have", false, "192.0.2.77", "192.0.2.2"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a, b := pair(t)
			from := a.listen(vrrp.Port{Interface: "eth0", Multicast: tt.multicast})
			to := b.listen(vrrp.Port{Interface: "eth0", Multicast: tt.multicast})
			payload := []byte{0x31, 51, 100, 1, 0, 100, 0, 0, 192, 0, 2, 10}
			send(t, from, vrrp.Transmission{Interface: "eth0", Src: addr(tt.src), Dst: addr(tt.dst), Payload: payload})
			got := receive(t, to)
			if got.Interface != "eth0" || got.Src != addr(tt.src) || got.Dst != addr(tt.dst) || got.TTL != 255 {
				t.Errorf("received %+v", got)
			}
			if !bytes.Equal(got.Payload, payload) {
				t.Errorf("payload % x, want % x", got.Payload, payload)
			}
			var h ipv4.Header
			if err := h.Parse(to.batch.slots[0].packet[:ipv4.HeaderLen]); err != nil {
				t.Fatal(err)
			}
			if h.TOS != 0xc0 || h.Protocol != 112 || h.TotalLen != 32 || h.Checksum == 0 {
				t.Errorf("header %v", &h)
			}
			silent(t, from) // no loop
		})
	}
}

func TestUnicastPortHearsNoMulticast(t *testing.T) {
	a, b := pair(t)
	from := a.listen(vrrp.Port{Interface: "eth0"})
	to := b.listen(vrrp.Port{Interface: "eth0"})
	other := b.listen(vrrp.Port{Interface: "eth0", Multicast: true})
	advert := vrrp.Transmission{Interface: "eth0", Src: addr("192.0.2.1"), Dst: addr("224.0.0.18"), Payload: []byte{1}}
	send(t, from, advert)
	receive(t, other)
	silent(t, to)
	// A second router of the same interface needs the group: the open port joins it.
	b.do(func() error { return to.Open(vrrp.Port{Interface: "eth0", Multicast: true}) })
	b.do(func() error { return to.Open(vrrp.Port{Interface: "eth0", Multicast: false}) })
	send(t, from, advert)
	receive(t, to)
}

func TestRecvWakes(t *testing.T) {
	a, _ := pair(t)
	c := a.listen(vrrp.Port{Interface: "eth0", Multicast: true})
	var p vrrp.Packet
	c.Wake()
	c.Wake()
	if _, ok, err := c.Recv(vrrp.Never, &p); ok || err != nil { // the next one
		t.Fatalf("ok %v, error %v", ok, err)
	}
	silent(t, c) // both calls are spent
	done := make(chan error)
	go func() {
		_, _, err := c.Recv(vrrp.Never, &p) // the one in progress, or the next
		done <- err
	}()
	c.Wake()
	select {
	case err := <-done:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(patience):
		t.Fatal("Recv sleeps on")
	}
}

func TestRecvKeepsTheDeadline(t *testing.T) {
	a, _ := pair(t)
	c := a.listen(vrrp.Port{Interface: "eth0", Multicast: true})
	var late []time.Duration
	var p vrrp.Packet
	for range 50 {
		deadline := Now().Add(5 * time.Millisecond)
		now, ok, err := c.Recv(deadline, &p)
		if ok || err != nil {
			t.Fatalf("ok %v, error %v", ok, err)
		}
		if now < deadline {
			t.Fatalf("woke %v before the deadline", deadline.Sub(now))
		}
		late = append(late, now.Sub(deadline))
	}
	slices.Sort(late)
	// The median: the machine may be busy now and then, but not always.
	if late[len(late)/2] > 20*time.Millisecond {
		t.Errorf("half of the wake-ups are late by %v and more", late[len(late)/2])
	}
	if now, ok, err := c.Recv(Now().Add(-time.Hour), &p); ok || err != nil || now > Now() {
		t.Errorf("a deadline long past: now %v, ok %v, error %v", now, ok, err)
	}
}

func TestWaitingPacketBeatsExpiredDeadline(t *testing.T) {
	a, b := pair(t)
	from := a.listen(vrrp.Port{Interface: "eth0", Multicast: true})
	to := b.listen(vrrp.Port{Interface: "eth0", Multicast: true})
	advert := vrrp.Transmission{Interface: "eth0", Src: addr("192.0.2.1"), Dst: addr("224.0.0.18"), Payload: []byte{1}}
	sendAndWait(t, from, b, advert, 3)
	var p vrrp.Packet
	for n := range 4 {
		if _, ok, err := to.Recv(Now().Add(-time.Second), &p); !ok || err != nil {
			t.Fatalf("packet %d: ok %v, error %v", n+1, ok, err)
		}
	}
	if _, ok, err := to.Recv(Now().Add(-time.Second), &p); ok || err != nil {
		t.Fatalf("ok %v, error %v, want the deadline", ok, err)
	}
}

func TestFloodDoesNotHideTheDeadline(t *testing.T) {
	a, b := pair(t)
	from := a.listen(vrrp.Port{Interface: "eth0", Multicast: true})
	to := b.listen(vrrp.Port{Interface: "eth0", Multicast: true})
	advert := vrrp.Transmission{Interface: "eth0", Src: addr("192.0.2.1"), Dst: addr("224.0.0.18"), Payload: []byte{1}}
	sendAndWait(t, from, b, advert, maxOverdue+50)
	past, n := Now(), 0
	var p vrrp.Packet
	for ; n <= maxOverdue; n++ {
		_, ok, err := to.Recv(past, &p)
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			break
		}
	}
	same(t, "packets before the deadline", n, maxOverdue)
	receive(t, to) // the rest is not lost
}

func TestRecvIsFairOverInterfaces(t *testing.T) {
	a, b := newMachine(t), newMachine(t)
	var ports []vrrp.Port
	for _, name := range []string{"eth0", "eth1", "eth2"} {
		connect(a, b, name)
		ports = append(ports, vrrp.Port{Interface: name, Multicast: true})
	}
	from, to := a.listen(ports...), b.listen(ports...)
	const each = 4 * batchSize
	for range each {
		for _, p := range ports {
			send(t, from, vrrp.Transmission{
				Interface: p.Interface, Src: addr("192.0.2.1"), Dst: addr("224.0.0.18"), Payload: []byte{1},
			})
		}
	}
	count := map[string]int{}
	for n := range each * len(ports) {
		count[receive(t, to).Interface]++
		for name, c := range count {
			if c > n/len(ports)+batchSize {
				t.Fatalf("%d of the first %d packets are from %s", c, n+1, name)
			}
		}
	}
}

// TestRecvPollsNowAndThen: a burst on one interface keeps neither Wake nor what
// comes in on another one waiting for long.
func TestRecvPollsNowAndThen(t *testing.T) {
	a, b := newMachine(t), newMachine(t)
	var ports []vrrp.Port
	for _, name := range []string{"eth0", "eth1"} {
		connect(a, b, name)
		ports = append(ports, vrrp.Port{Interface: name, Multicast: true})
	}
	from, to := a.listen(ports...), b.listen(ports...)
	advert := vrrp.Transmission{Interface: "eth0", Src: addr("192.0.2.1"), Dst: addr("224.0.0.18"), Payload: []byte{1}}
	for range 4 * batchSize {
		send(t, from, advert)
	}
	same(t, "first", receive(t, to).Interface, "eth0") // the poll found eth1 empty
	advert.Interface = "eth1"
	send(t, from, advert)
	n := 1
	for receive(t, to).Interface != "eth1" {
		n++
	}
	if n > batchSize+1 {
		t.Errorf("it came after %d packets, want %d at most", n, batchSize+1)
	}
	for range 4*batchSize - n {
		same(t, "the rest", receive(t, to).Interface, "eth0")
	}
	to.Wake()
	var p vrrp.Packet
	if _, ok, err := to.Recv(Now().Add(10*time.Second), &p); ok || err != nil {
		t.Errorf("after Wake: %t, %v", ok, err)
	}
}

func TestSendErrorsNameOperationAndSubject(t *testing.T) {
	a, _ := pair(t)
	c := a.listen(vrrp.Port{Interface: "eth0", Multicast: true})
	advert := vrrp.Transmission{Interface: "eth0", Src: addr("192.0.2.1"), Dst: addr("224.0.0.18"), Payload: []byte{1}}
	a.down("eth0")
	err := c.Send(advert)
	if !errors.Is(err, unix.ENETDOWN) && !errors.Is(err, unix.ENETUNREACH) {
		t.Errorf("link down: %v, want ENETDOWN or ENETUNREACH", err)
	}
	same(t, "prefix", err.Error()[:len("vrrp: send on eth0 to 224.0.0.18: ")], "vrrp: send on eth0 to 224.0.0.18: ")
	a.up("eth0")
	a.running("eth0")
	send(t, c, advert)
	a.remove("eth0")
	if err := c.Send(advert); !errors.Is(err, unix.ENODEV) && !errors.Is(err, unix.ENETUNREACH) {
		t.Errorf("no such interface: %v, want ENODEV or ENETUNREACH", err)
	}
	advert.Interface = "eth9"
	if err := c.Send(advert); err == nil {
		t.Error("sent on an interface that is not open")
	}
	if err := c.Open(vrrp.Port{Interface: "eth9"}); !errors.Is(err, unix.ENODEV) {
		t.Errorf("open: %v, want ENODEV", err)
	}
	if err := c.Open(vrrp.Port{Interface: "a-name-that-is-too-long"}); err == nil {
		t.Error("opened a name that is none")
	}
}

func TestOpenAgainAfterTheInterfaceWasMadeAnew(t *testing.T) {
	for _, closes := range []bool{false, true} {
		a, b := pair(t)
		port := vrrp.Port{Interface: "eth0", Multicast: true}
		from, to := a.listen(port), b.listen(port)
		before := b.link("eth0").Attrs().Index
		a.remove("eth0")
		connect(a, b, "eth1") // so that the index is not used again
		connect(a, b, "eth0")
		if b.link("eth0").Attrs().Index == before {
			t.Fatal("the new interface has the old index")
		}
		for m, c := range map[*machine]*Conn{a: from, b: to} {
			if closes {
				m.do(func() error { return c.Close(port) })
			}
			m.do(func() error { return c.Open(port) })
		}
		send(t, from, vrrp.Transmission{
			Interface: "eth0", Src: addr("192.0.2.1"), Dst: addr("224.0.0.18"), Payload: []byte{1},
		})
		receive(t, to)
	}
}

func TestClosedPortIsSilent(t *testing.T) {
	a, b := pair(t)
	port := vrrp.Port{Interface: "eth0", Multicast: true}
	from, to := a.listen(port), b.listen(port)
	b.do(func() error { return to.Close(port) })
	b.do(func() error { return to.Close(port) })
	send(t, from, vrrp.Transmission{
		Interface: "eth0", Src: addr("192.0.2.1"), Dst: addr("224.0.0.18"), Payload: []byte{1},
	})
	silent(t, to)
}

func TestRecvCost(t *testing.T) {
	a, b := pair(t)
	port := vrrp.Port{Interface: "eth0", Multicast: true}
	from, to := a.listen(port), b.listen(port)
	advert := vrrp.Transmission{
		Interface: "eth0", Src: addr("192.0.2.1"), Dst: addr("224.0.0.18"), Payload: make([]byte, 12),
	}
	var p vrrp.Packet
	n := testing.AllocsPerRun(200, func() {
		if err := from.Send(advert); err != nil {
			t.Fatal(err)
		}
		if _, ok, err := to.Recv(vrrp.Never, &p); !ok || err != nil {
			t.Fatal(err)
		}
	})
	t.Logf("%v allocations to send and receive one advert", n)
	if n > 12 {
		t.Errorf("%v allocations per advert", n)
	}
}
