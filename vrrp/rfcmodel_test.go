package vrrp

import (
	"fmt"
	"net/netip"
	"time"
)

// rfcModel is the state machine once more, as short and as dumb as can be: section
// 6.4 of RFC 9568 written down line by line for a group, with the few rules of ours
// that show in timers and adverts. It exists to disagree with Group.
type rfcModel struct {
	priority uint8
	preempt  bool
	state    State
	leaving  bool
	since    Instant // of a master
	routers  []rfcRouter
	now      Instant
	said     []string
}

// rfcRouter has the timers of one router; 0: not running.
type rfcRouter struct {
	v2                    bool
	own, learned          time.Duration
	down, advert, sent    Instant
	look                  Instant // half an interval after the first advert that is missing
	again                 Instant // the first advert of a master is said three times
	out, seen, once, tell bool
}

func (m *rfcModel) skew(r *rfcRouter, interval time.Duration) time.Duration {
	if r.v2 {
		interval = time.Second
	}
	return time.Duration(256-int(m.priority)) * interval / 256
}

func (m *rfcModel) say(i int, priority uint8) {
	m.said = append(m.said, fmt.Sprintf("%d %d", i, priority))
}

// arm sets Active_Down_Timer.
func (m *rfcModel) arm(r *rfcRouter, d time.Duration) {
	r.down, r.out, r.once, r.look = m.now.Add(d), false, false, 0
	if at := m.now.Add(r.learned * 3 / 2); at < r.down {
		r.look = at
	}
}

func (m *rfcModel) start() {
	m.awake()
	if m.state != Init {
		return
	}
	if m.leaving = m.leaving && m.priority != 255; m.priority == 255 {
		m.master()
	} else {
		m.backup()
	}
}

func (m *rfcModel) stop() {
	m.awake()
	if m.state == Master {
		for i := range m.routers {
			m.routers[i].sent = m.now
			m.say(i, 0)
		}
	}
	m.state = Init
	for i := range m.routers {
		r := &m.routers[i]
		r.down, r.look, r.advert, r.again, r.out = 0, 0, 0, 0, false
	}
}

func (m *rfcModel) backup() {
	m.state = Backup
	for i := range m.routers {
		r := &m.routers[i]
		r.advert, r.again, r.learned = 0, 0, r.own
		m.arm(r, 3*r.own+m.skew(r, r.own))
	}
}

func (m *rfcModel) master() {
	m.state, m.since = Master, m.now
	for i := range m.routers {
		r := &m.routers[i]
		r.again = m.now.Add(10 * time.Millisecond)
		r.sent = m.now
		m.say(i, m.priority)
		r.down, r.look, r.out, r.advert, r.learned, r.tell = 0, 0, false, m.now.Add(r.own), r.own, true
	}
}

// hear is an ADVERTISEMENT on router i; order compares its sender's address with
// our own.
func (m *rfcModel) hear(i, order int, priority uint8, interval time.Duration) {
	r := &m.routers[i]
	if order == 0 {
		return // our own
	}
	switch m.state {
	case Init:
		r.seen = true
		return
	case Backup:
		m.hearAsBackup(r, priority, interval)
	case Master:
		m.hearAsMaster(i, order, priority, interval)
	}
	if m.state == Backup && priority > 1 && r.tell {
		r.tell = false
		m.say(i, 1)
	}
}

func (m *rfcModel) hearAsBackup(r *rfcRouter, priority uint8, interval time.Duration) {
	r.seen = true
	switch {
	case priority == 0:
		m.arm(r, m.skew(r, r.learned))
	case priority >= m.priority || !m.preempt && priority != 1:
		r.learned = interval
		m.arm(r, 3*interval+m.skew(r, interval))
	}
}

// awake: a master that was away for longer than any backup waits listens for an
// interval before it goes on.
func (m *rfcModel) awake() {
	if m.state != Master || m.priority == 255 {
		return
	}
	for i := range m.routers {
		r := &m.routers[i]
		skew := 255 * r.own / 256
		if r.v2 {
			skew = 255 * time.Second / 256
		}
		if m.now.Sub(r.sent) <= 3*r.own+skew {
			return
		}
	}
	m.backup()
	for i := range m.routers {
		r := &m.routers[i]
		r.down, r.once = m.now.Add(r.own+m.skew(r, r.own)), true
	}
}

func (m *rfcModel) hearAsMaster(i, order int, priority uint8, interval time.Duration) {
	r := &m.routers[i]
	switch {
	case priority > m.priority:
		m.yield(r, interval)
	case m.priority != 255 && m.now.Sub(r.sent) > 3*r.own: // was away, and is replaced
		m.backup()
		m.hearAsBackup(r, priority, interval)
	case priority == 0:
		if m.answer(i) {
			r.advert = m.now.Add(r.own)
		}
	case m.priority == 255:
		if priority != 255 {
			m.answer(i)
		}
	case priority == m.priority && order > 0 && i == 0:
		m.yield(r, interval)
	case priority < m.priority || i == 0:
		m.answer(i)
	}
}

func (m *rfcModel) yield(r *rfcRouter, interval time.Duration) {
	m.backup()
	r.seen, r.learned = true, interval
	m.arm(r, 3*interval+m.skew(r, interval))
}

// answer sends an advert, but never two within 10 ms.
func (m *rfcModel) answer(i int) bool {
	r := &m.routers[i]
	if m.now < r.sent.Add(answerGap) {
		r.advert = min(r.advert, r.sent.Add(answerGap))
		return false
	}
	r.sent = m.now
	m.say(i, m.priority)
	if r.advert <= m.now {
		r.advert = m.now.Add(r.own)
	}
	return true
}

// tick fires the timers that have run out. A machine that was away for more than
// an interval, or for a quarter of one in a silence, listens once more.
func (m *rfcModel) tick() {
	m.awake()
	all := true
	for i := range m.routers {
		r := &m.routers[i]
		more := m.now.Add(max(r.learned, centisecond) + m.skew(r, r.learned))
		if r.look != 0 && r.look <= m.now {
			if !r.once && r.seen && m.now.Sub(r.look) > r.learned/4 {
				r.down, r.once = max(r.down, more), true
			}
			r.look = 0
		}
		switch {
		case r.down == 0 || r.down > m.now:
		case !r.once && r.seen && m.now.Sub(r.down) > r.learned:
			r.down, r.once = more, true
		default:
			r.down, r.out = 0, true
		}
		if r.advert != 0 && r.advert <= m.now {
			r.sent = m.now
			m.say(i, m.priority)
			if r.advert = r.advert.Add(r.own); r.advert <= m.now {
				r.advert = m.now.Add(r.own)
			}
		}
		if r.again != 0 && r.again <= m.now {
			m.repeat(i)
		}
		all = all && r.out
	}
	if m.state == Backup && all {
		m.master()
	}
}

// repeat is 10 and 30 ms after the first advert of a master.
func (m *rfcModel) repeat(i int) {
	r, third := &m.routers[i], m.since.Add(30*time.Millisecond)
	if r.again = 0; m.now < third {
		r.again = third
	}
	if m.now < m.since.Add(10*time.Millisecond) {
		r.again = m.since.Add(10 * time.Millisecond)
	}
	if m.now.Add(answerGap) < r.advert && m.now.Sub(r.sent) >= answerGap {
		r.sent = m.now
		m.say(i, m.priority)
	}
}

// differs says where a group is not as the model has it; empty: nowhere.
func (m *rfcModel) differs(g *Group, out []Output) string {
	var said []string
	for _, o := range out {
		if o.Kind == OutputAdvert {
			said = append(said, fmt.Sprintf("%d %d", o.Router, o.Priority))
		}
	}
	if got, want := fmt.Sprint(said), fmt.Sprint(m.said); got != want {
		return fmt.Sprintf("adverts %s, the RFC says %s", got, want)
	}
	if g.State != m.state {
		return fmt.Sprintf("%s, the RFC says %s", g.State, m.state)
	}
	timer := func(t Instant) Instant {
		if t == Never {
			return 0
		}
		return t
	}
	for i := range g.Routers {
		r, w := &g.Routers[i], &m.routers[i]
		if timer(r.DownAt) != w.down || timer(r.AdvertAt) != w.advert {
			return fmt.Sprintf("router %d: down %v advert %v, the RFC says %v and %v", i, r.DownAt, r.AdvertAt, w.down, w.advert)
		}
	}
	return ""
}

// addressOf is an address below, equal to or above self.
func addressOf(order int) netip.Addr { return ip([]string{lower, self, above}[order+1]) }
