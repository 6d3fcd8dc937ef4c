package linux

import "testing"

// Two processes, one after the other: the second knows what the first one has added
// since it looked, holds it as its own, and takes it off.
func TestReread(t *testing.T) {
	m, _ := pair(t)
	h := newHost(m)
	h.mustSet("g", 30, "192.0.2.10/24")
	before := h.Host
	h.restart() // the next process is there already
	next := h.Host
	h.Host = before
	h.mustSet("g", 30, "192.0.2.10/24", "192.0.2.11/24")
	h.mustSet("h", 30)
	h.Host = next
	if err := h.Reread(); err != nil {
		t.Fatal(err)
	}
	same(t, "added", h.mustSet("g", 30, "192.0.2.10/24", "192.0.2.11/24"), 0)
	same(t, "added", h.mustSet("g", 30), 0)
	same(t, "addresses", m.addresses("eth0"), "[192.0.2.1/24]")
	if err := h.Reread(); err != nil {
		t.Fatal(err)
	}
	same(t, "on disk", h.onDisk(), "[]")
}
