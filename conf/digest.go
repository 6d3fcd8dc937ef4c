package conf

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Digest is the config_digest, "sha256:…". It is taken over the resolved
// deployment, defaults included: comments, layout and writing out a default do
// not change it; whatever changes what a director does, does, but for the content
// of secrets: of them it has where they are.
func (d Deployment) Digest() string {
	d.VirtualRouters = slices.Clone(d.VirtualRouters)
	for _, s := range d.secrets() {
		*s = s.blank()
	}
	sums := serviceSums(d.VirtualServers, d.sums)
	d.VirtualServers = nil
	sum := sumOf(d)
	h := sha256.New()
	h.Write(sum[:])
	for _, s := range sums {
		h.Write(s[:])
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil))
}

// serviceSums has a sum of each virtual server. Those of known that are not empty are
// known already: of thousands nearly all are, on most reloads.
func serviceSums(services []VirtualServer, known [][sha256.Size]byte) [][sha256.Size]byte {
	if len(known) != len(services) {
		known = make([][sha256.Size]byte, len(services))
	}
	for i := range services {
		if known[i] == ([sha256.Size]byte{}) {
			known[i] = sumOf(services[i])
		}
	}
	return known
}

// sumOf sums a part up. encoding/json sorts the keys of maps; everything else has an
// order.
func sumOf(part any) [sha256.Size]byte {
	data, err := json.Marshal(part)
	if err != nil {
		panic(fmt.Sprintf("conf: digest: %v", err)) // plain values always encode
	}
	return sha256.Sum256(data)
}

// Summary says in one line what the file describes.
func (d Deployment) Summary() string {
	groups := map[string]bool{}
	for _, r := range d.VirtualRouters {
		groups[r.Group] = true
	}
	real := 0
	for _, vs := range d.VirtualServers {
		real += len(vs.Servers)
	}
	parts := []string{
		fmt.Sprintf("%s (%s)", count(len(d.Directors), "director"), d.directorNames()),
		fmt.Sprintf("%s in %s", count(len(d.VirtualRouters), "virtual router"), count(len(groups), "group")),
		fmt.Sprintf("%s with %s", count(len(d.VirtualServers), "virtual server"), count(real, "real server")),
	}
	if d.IPVS.Sync != nil && d.IPVS.Sync.Enabled {
		parts = append(parts, "connection sync on")
	}
	if d.linked() {
		parts = append(parts, "peer link on")
	}
	return strings.Join(parts, ", ")
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
