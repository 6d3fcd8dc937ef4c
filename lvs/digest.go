package lvs

import (
	"crypto/sha256"
	"encoding/hex"
)

// OrderMatters tells whether the sequence of servers is part of what a service
// does. The hashing schedulers fill their table by walking the list of servers
// (ip_vs_mh.c, ip_vs_sh.c, ip_vs_dh.c), so the same servers in another sequence
// send the same client elsewhere, and two directors that differ in it break
// connections when one takes over from the other. All other schedulers use the
// sequence to settle ties at most.
func OrderMatters(scheduler string) bool {
	switch scheduler {
	case "mh", "sh", "dh":
		return true
	}
	return false
}

// Digest sums a table up as "sha256:…": equal digests mean that both directors
// distribute alike. It is taken over the [Canonical] form. Counters, timeouts and
// sync daemons are not in it: the interface of a sync daemon may differ from
// director to director.
func Digest(t Table) string {
	sum := sha256.Sum256([]byte(Format(Canonical(t))))
	return "sha256:" + hex.EncodeToString(sum[:])
}
