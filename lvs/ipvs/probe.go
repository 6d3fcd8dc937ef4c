//go:build linux

package ipvs

import (
	"context"
	"fmt"
	"log/slog"
	"os/exec"
	"strings"
	"time"

	"github.com/vishvananda/netlink"

	"failover/lvs"
)

// modprobeLimit is the longest that loading the module may take.
const modprobeLimit = 20 * time.Second

// modprobes are the places to look for modprobe: the PATH, and where a PATH
// without the system directories does not lead.
var modprobes = []string{"modprobe", "/usr/sbin/modprobe", "/sbin/modprobe"}

// probe returns the number of the generic netlink family IPVS, after loading the
// module if need be.
func probe(ctx context.Context, log *slog.Logger) (int, error) {
	first := familyOf()
	if first.err == nil {
		return first.id, nil
	}
	tried := loadModule(ctx)
	second := familyOf()
	if second.err == nil {
		log.Info("ipvs: module ip_vs loaded")
		return second.id, nil
	}
	return 0, fmt.Errorf("ipvs: %w: generic netlink family IPVS: %w; tried: %s", lvs.ErrNoIPVS, second.err, tried)
}

type family struct {
	id  int
	err error
}

func familyOf() family {
	f, err := netlink.GenlFamilyGet("IPVS")
	if err != nil {
		return family{err: err}
	}
	return family{id: int(f.ID)}
}

// loadModule runs modprobe ip_vs and describes in one line how that went.
func loadModule(ctx context.Context) string {
	ctx, cancel := context.WithTimeout(ctx, modprobeLimit)
	defer cancel()
	for _, name := range modprobes {
		path, err := exec.LookPath(name)
		if err != nil {
			continue
		}
		out, err := exec.CommandContext(ctx, path, "ip_vs").CombinedOutput()
		switch text := strings.Join(strings.Fields(string(out)), " "); {
		case err == nil:
			return path + " ip_vs: success"
		case text != "":
			return fmt.Sprintf("%s ip_vs: %v: %s", path, err, text)
		default:
			return fmt.Sprintf("%s ip_vs: %v", path, err)
		}
	}
	return "modprobe: not installed"
}
