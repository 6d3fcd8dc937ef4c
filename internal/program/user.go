package program

import (
	"fmt"
	"os"
	"os/user"
	"strconv"
	"syscall"
)

// credentialOf is how to become a user, with all groups of it; nil when there is
// nothing to change.
func credentialOf(name string) (*syscall.Credential, error) {
	if name == "" {
		return nil, nil
	}
	u, err := user.Lookup(name)
	if err != nil {
		return nil, fmt.Errorf("user %s: %w", name, err)
	}
	uid, err := number(u.Uid)
	if err != nil {
		return nil, fmt.Errorf("user %s: %w", name, err)
	}
	if int(uid) == os.Geteuid() {
		return nil, nil
	}
	gid, err := number(u.Gid)
	if err != nil {
		return nil, fmt.Errorf("user %s: %w", name, err)
	}
	ids, err := u.GroupIds()
	if err != nil {
		return nil, fmt.Errorf("groups of user %s: %w", name, err)
	}
	groups := make([]uint32, 0, len(ids))
	for _, id := range ids {
		g, err := number(id)
		if err != nil {
			return nil, fmt.Errorf("groups of user %s: %w", name, err)
		}
		groups = append(groups, g)
	}
	return &syscall.Credential{Uid: uid, Gid: gid, Groups: groups}, nil
}

func number(id string) (uint32, error) {
	n, err := strconv.ParseUint(id, 10, 32)
	return uint32(n), err
}

// Exists tells whether there is a user of this name, the empty one included: it
// stands for the user of this process.
func Exists(name string) error {
	_, err := credentialOf(name)
	return err
}

// Environ is the environment of a program that acts for a user: PATH, LANG, and
// who the user is. Nothing of the daemon's own is in it.
func Environ(name string) []string {
	env := []string{Path, Language}
	if u, err := user.Lookup(name); err == nil {
		env = append(env, "HOME="+u.HomeDir, "USER="+u.Username, "LOGNAME="+u.Username)
	}
	return env
}
