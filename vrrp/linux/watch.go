package linux

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"failover/vrrp"
)

const (
	// eventBuffer holds the events of a change of some ten thousand routes or
	// addresses; what does not fit costs a new subscription and nothing else.
	eventBuffer = 4 << 20
	// eventSize holds the event of an interface with all its attributes.
	eventSize = 32 << 10
	// resubscribePause keeps a subscription that ends at once from being a busy
	// loop.
	resubscribePause = 100 * time.Millisecond
)

// Reports are what a [Host.Watch] calls, from the goroutine that called it.
type Reports struct {
	Link func(vrrp.Link) // the state of an interface, at once and when it changes
	Lost func(Held)      // an address of ours is gone without our doing
	Way  func(string)    // a route or a rule of the group is gone likewise
}

// Watch reports the state of each of the interfaces at once, and again whenever
// it changes; a missing one has index 0. It also reports each address, route and
// rule of ours that is gone without our doing: taken off by a stranger, or ended
// with its lease, or with its interface. It returns when ctx ends.
//
// The kernel's events only say when to look. What is reported is what a look
// finds, so that a lost event delays a report until the next one and never makes
// it wrong. Of some routes that it drops by itself the kernel does not tell; they
// are put back with the next renewal of the addresses.
func (h *Host) Watch(ctx context.Context, interfaces []string, r Reports) error {
	w := &watch{host: h, interfaces: interfaces, report: r}
	for first := true; ; first = false {
		if !first {
			select {
			case <-ctx.Done():
			case <-time.After(resubscribePause):
			}
		}
		if ctx.Err() != nil {
			return nil
		}
		err := w.follow(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if first && !w.looked {
			return err
		}
		h.stirred.hear(nil)
		h.log.Warn("link events interrupted, looking again", "error", err)
	}
}

// watch is what a Watch has reported so far.
type watch struct {
	host       *Host
	interfaces []string
	report     Reports

	looked   bool // once at least
	links    map[string]vrrp.Link
	gone     map[key]uint64    // of the owned set, as last seen, with how often added
	goneWays map[string]uint64 // likewise
}

// follow subscribes, looks, and looks again at each event, until the
// subscription breaks or ctx ends.
func (w *watch) follow(ctx context.Context) error {
	events, err := subscribe()
	if err != nil {
		return fmt.Errorf("vrrp: subscribe to link events: %w", err)
	}
	defer func() { _ = events.Close() }() // closed already when ctx has ended
	defer context.AfterFunc(ctx, func() { _ = events.Close() })()
	b := make([]byte, eventSize)
	for {
		if err := w.look(); err != nil {
			return err
		}
		if err := await(events, b, w.news); err != nil {
			return fmt.Errorf("vrrp: receive link events: %w", err)
		}
	}
}

// news takes an event, and tells whether a look may find anything new.
func (w *watch) news(event []byte) bool {
	w.host.stirred.hear(event)
	return w.host.news(event)
}

// subscribe opens a socket that hears of every change of links, addresses and
// rules from now on, and of routes that have our mark.
func subscribe() (*os.File, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), "netlink")
	if err := listenOnly(fd); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	var groups uint32
	for _, g := range eventGroups {
		groups |= 1 << (g - 1)
	}
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: groups}); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, eventBuffer) != nil {
		// Not permitted: as much as net.core.rmem_max allows. An overrun is no harm.
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, eventBuffer)
	}
	return f, nil
}

// await waits for an event that is news and takes all that are there: one look
// answers them, and those that an overrun has lost too (ENOBUFS). news gets each;
// nil for those that were lost, which are news. b is its room.
func await(events *os.File, b []byte, news func(message []byte) bool) error {
	conn, err := events.SyscallConn()
	if err != nil {
		return err
	}
	var broken error
	seen := false
	err = conn.Read(func(fd uintptr) bool {
		for {
			switch n, err := unix.Read(int(fd), b); {
			case err == nil:
				seen = news(b[:n]) || seen
			case errors.Is(err, unix.ENOBUFS):
				seen = true
				news(nil)
			case errors.Is(err, unix.EINTR):
			case errors.Is(err, unix.EAGAIN):
				return seen
			default:
				broken = err
				return true
			}
		}
	})
	return errors.Join(err, broken)
}

// news tells whether an event is a reason to look. That an address of ours is
// there, as each renewal makes the kernel say, is none.
func (h *Host) news(event []byte) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	kind, a, ok := addressEvent(event)
	owned := ok && a.ours(h.marks) && h.owned.has(a.key)
	released := ok && a.ours(h.marks) && !owned
	switch {
	case owned && kind == unix.RTM_NEWADDR:
		return false
	case released && kind == unix.RTM_DELADDR: // by ourselves: the view has it already
	case kind == unix.RTM_NEWADDR || kind == unix.RTM_DELADDR || event == nil:
		h.view.doubt()
	}
	h.wayView = wayView{} // something has happened: the next look at routes and rules is a new one
	return true
}

// look compares what is there with what was reported and reports the difference.
func (w *watch) look() error {
	found, err := w.host.survey(w.interfaces)
	if err != nil {
		return err
	}
	for _, name := range w.interfaces {
		l := found.links[name]
		l.Moved = w.host.stirred.of(l.Index)
		found.links[name] = l
		if was, known := w.links[name]; !known || was != found.links[name] {
			w.report.Link(found.links[name])
		}
	}
	now := map[key]uint64{}
	for _, l := range found.gone {
		now[l.key()] = l.adds
		was, known := w.gone[l.key()]
		// What was missing before anyone watched is no news. What we added again since
		// is, though no look may have found it there.
		if w.looked && (!known || was != l.adds) {
			w.report.Lost(l.Held)
		}
	}
	ways := map[string]uint64{}
	for _, l := range found.goneWays {
		ways[l.text] = l.adds
		if was, known := w.goneWays[l.text]; w.looked && (!known || was != l.adds) {
			w.report.Way(l.group)
		}
	}
	w.links, w.gone, w.goneWays, w.looked = found.links, now, ways, true
	return nil
}

// loss is an address of the owned set that is not there, and how often this
// process has added it.
type loss struct {
	Held
	adds uint64
}

// wayLoss is likewise a route or a rule.
type wayLoss struct {
	group, text string
	adds        uint64
}

// findings are what a look finds: the interfaces, and what of the owned sets is not
// there.
type findings struct {
	links    map[string]vrrp.Link
	gone     []loss
	goneWays []wayLoss
}

// survey looks. No change is under way meanwhile.
func (h *Host) survey(interfaces []string) (f findings, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	there, err := h.list()
	if err != nil {
		return f, err
	}
	for _, e := range h.owned.held {
		if _, is := there[e.key()]; !is {
			f.gone = append(f.gone, loss{Held: e, adds: h.adds[e.key()]})
		}
	}
	if f.goneWays, err = h.lostWays(); err != nil {
		return f, err
	}
	f.links = map[string]vrrp.Link{}
	for _, name := range interfaces {
		if f.links[name], err = h.state(name, there); err != nil {
			return f, err
		}
	}
	return f, nil
}

// lostWays are the routes and rules of the owned set that are not there.
func (h *Host) lostWays() (list []wayLoss, err error) {
	if h.ways.held.count() == 0 {
		return nil, nil
	}
	h.wayView = wayView{} // who is told of a loss must not believe an older look
	there, err := h.waysThere()
	if err != nil {
		return nil, err
	}
	lose := func(group, text string) { list = append(list, wayLoss{group, text, h.wayAdds[text]}) }
	for _, e := range h.ways.held.Routes {
		if _, is := there.routes[keyOf(e.Route)]; !is {
			lose(e.Group, e.Route.String())
		}
	}
	for _, e := range h.ways.held.Rules {
		if !there.rules[e.Rule] {
			lose(e.Group, e.Rule.String())
		}
	}
	return list, nil
}

// state returns the state of one interface.
func (h *Host) state(name string, there map[key]present) (vrrp.Link, error) {
	l, err := h.kernel.LinkByName(name)
	if missing := (netlink.LinkNotFoundError{}); errors.As(err, &missing) {
		return vrrp.Link{Name: name}, nil
	}
	if err != nil {
		return vrrp.Link{}, fmt.Errorf("vrrp: look at %s: %w", name, err)
	}
	at := l.Attrs()
	return vrrp.Link{
		Name:  name,
		Index: at.Index,
		Up:    at.RawFlags&unix.IFF_UP != 0,
		// The cable, and what runs over it (RFC 2863: 802.1X, LACP, a bridge's state).
		Carrier: at.RawFlags&unix.IFF_LOWER_UP != 0 && at.RawFlags&unix.IFF_RUNNING != 0,
		Source4: h.source(at.Index, there, netip.Addr.Is4),
		Source6: h.source(at.Index, there, linkLocal6),

		NoVirtualMAC: h.noVirtualMAC(l),
	}, nil
}

// linkLocal6 tells the addresses that IPv6 adverts come from (RFC 9568 section
// 5.1.2.1).
func linkLocal6(a netip.Addr) bool { return a.Is6() && a.IsLinkLocalUnicast() }

// source is the lowest address of a kind that an interface has for good: none of
// ours, and none that might turn out to be a duplicate.
func (h *Host) source(index int, there map[key]present, kind func(netip.Addr) bool) netip.Addr {
	var own []netip.Addr
	for k, a := range there {
		if k.index == index && kind(k.prefix.Addr()) && a.mark != mark && !a.unproven && !h.owned.has(k) {
			own = append(own, k.prefix.Addr())
		}
	}
	if len(own) == 0 {
		return netip.Addr{}
	}
	return slices.MinFunc(own, netip.Addr.Compare)
}
