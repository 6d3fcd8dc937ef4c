package conf

import "time"

// followHealth is the hold of a router's follow_health; 0: it is off.
func followHealth(e *entry) time.Duration {
	if !val[bool](e) {
		return 0
	}
	return duration(e.get("hold"))
}

// follow has the groups with follow_health; nil: there is none.
func (d Deployment) follow() (all map[string]time.Duration) {
	for _, r := range d.VirtualRouters {
		if r.FollowHealth == 0 {
			continue
		}
		if all == nil {
			all = map[string]time.Duration{}
		}
		all[r.Group] = r.FollowHealth
	}
	return all
}

// followRules: what the other director sees is heard by the peer link.
func (b *builder) followRules() {
	for i, e := range b.routers {
		if k := e.get("follow_health"); b.d.VirtualRouters[i].FollowHealth > 0 && !k.bad && !b.d.linked() {
			b.note(&b.warnings, k, "run failover keygen on each director and write the public_key it prints",
				"has no effect without the peer link, which takes a public_key on each of two directors or more")
		}
	}
}

// followWords puts follow_health into words.
func followWords(hold time.Duration) field {
	if hold == 0 {
		return field{"follow_health", "false"}
	}
	return field{"follow_health", "hold " + text(hold)}
}
