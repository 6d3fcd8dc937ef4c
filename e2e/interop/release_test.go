package interop

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"failover/e2e/debian"
	"failover/e2e/lab"
)

// release is a Debian release with its routers.
type release struct {
	debian int
	// root is the folder that a release other than this machine's is unpacked in;
	// empty: what is installed here.
	root     string
	versions map[string]string // by peer
}

// newRelease asks its routers for their versions.
func newRelease(debian int, root string) (*release, error) {
	r := &release{debian: debian, root: root, versions: map[string]string{}}
	var err error
	if r.versions["keepalived"], err = keepalivedVersion(r); err != nil {
		return nil, err
	}
	r.versions["frr"], err = frrVersion(r)
	return r, err
}

// debian13 are the routers of the next release, which are fetched and unpacked
// where they are not yet.
func debian13(ctx context.Context) (*release, error) {
	cache, err := debian.Cache()
	if err != nil {
		return nil, err
	}
	root := filepath.Join(cache, "routers-trixie")
	err = debian.Once(root, func() bool {
		_, err := os.Stat(filepath.Join(root, "usr/sbin/keepalived"))
		return err == nil
	}, func(tmp, tree string) error {
		return debian.Unpack(ctx, tmp, tree, "trixie", "keepalived", "frr")
	})
	if err != nil {
		return nil, fmt.Errorf("fetch the routers of Debian 13: %w", err)
	}
	return newRelease(13, root)
}

// here is a command line of the release, for this machine.
func (r *release) here(argv ...string) []string {
	if r.root == "" {
		return argv
	}
	return append([]string{"chroot", r.root}, argv...)
}

// on is a command line of the release, for a director that it is mounted on.
func (r *release) on(argv ...string) []string {
	if r.root == "" {
		return argv
	}
	return append([]string{"chroot", mounted}, argv...)
}

// mounted is where a director sees the release.
const mounted = "/run/release"

// mount puts the release below the director's /run: a layer of its own above the
// folder, with the director's own /run and the machine's users and devices in it.
// It goes with the director.
func (r *release) mount(ctx context.Context, n *lab.Node) error {
	if r.root == "" {
		return nil
	}
	script := fmt.Sprintf("mkdir -p %[1]s %[1]s.layer/upper %[1]s.layer/work\n"+
		"mount -t overlay overlay -o lowerdir=%[2]s,upperdir=%[1]s.layer/upper,workdir=%[1]s.layer/work %[1]s\n", mounted, r.root)
	for _, dir := range []string{"proc", "sys", "dev", "tmp", "run"} {
		script += fmt.Sprintf("mkdir -p %[1]s && mount --bind /%[2]s %[1]s\n", filepath.Join(mounted, dir), dir)
	}
	// vtysh asks PAM, which is not set up without an installation.
	script += fmt.Sprintf("cp /etc/passwd /etc/group %[1]s/etc\n"+
		"printf '%%s sufficient pam_permit.so\\n' auth account | tee %[1]s/etc/pam.d/frr >%[1]s/etc/pam.d/other\n", mounted)
	if _, err := n.Run(ctx, "sh", "-ec", script); err != nil {
		return fmt.Errorf("mount Debian %d: %w", r.debian, err)
	}
	return nil
}
