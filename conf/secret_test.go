package conf

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// canary is a secret that must not be seen anywhere.
const canary = "c4n4ry!!"

// withAuth is a file whose virtual router has this auth.
func withAuth(auth string) string {
	return both + "[virtual_router.r]\ninterface = \"eth1\"\nvrid = 51\nversion = 2\naddresses = [\"192.168.33.90/24\"]\nauth = " + auth + "\n"
}

// fromDisk writes a file and loads it.
func fromDisk(t *testing.T, text string) (Deployment, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "failover.toml")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return Load(path)
}

// secretFile has a content and a mode.
func secretFile(t *testing.T, content string, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "auth")
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestSecretsAreRead: from a file and from a credential, without the end of their
// line; Parse and Peek leave them where they are.
func TestSecretsAreRead(t *testing.T) {
	file := secretFile(t, canary+"\n", 0o640)
	t.Setenv(credentialsVariable, filepath.Dir(secretFile(t, canary, 0o444)))
	for _, auth := range []string{fmt.Sprintf("{ file = %q }", file), `{ credential = "auth" }`, `"` + canary + `"`} {
		d, err := fromDisk(t, withAuth(auth))
		if err != nil {
			t.Errorf("%s: %v", auth, err)
			continue
		}
		if got := node(t, d, "lb1").Groups[0].Routers[0].Auth; string(got) != canary {
			t.Errorf("%s: the router has another password", auth)
		}
		inline := strings.HasPrefix(auth, `"`)
		if (len(d.Warnings) == 1) != inline || len(d.Unread) != 0 {
			t.Errorf("%s: warnings %v, unread %v", auth, d.Warnings, d.Unread)
		}
		if parsed := node(t, parse(t, withAuth(auth)), "lb1"); (parsed.Groups[0].Routers[0].Auth != "") != inline {
			t.Errorf("%s: Parse has read it, or has not", auth)
		}
	}
}

// TestSecretsThatCannotBeRead: the error has the key, its place and the path.
func TestSecretsThatCannotBeRead(t *testing.T) {
	dir := t.TempDir()
	missing := filepath.Join(dir, "missing")
	open := secretFile(t, canary, 0o644)
	shared := secretFile(t, canary, 0o660)
	for path, want := range map[string]string{
		missing:                                 "open " + missing + ": no such file or directory",
		open:                                    open + " has mode 0644: others can read it or the group can write it; chmod 600 " + open,
		shared:                                  "has mode 0660",
		dir:                                     dir + " is not a regular file",
		secretFile(t, "\n", 0o600):              "is empty",
		secretFile(t, canary+"\nmore\n", 0o600): "has more than one line",
		secretFile(t, canary+"9", 0o600):        "is longer than 8 bytes",
		secretFile(t, strings.Repeat("x", maxSecret+1), 0o600): "larger than 4096 bytes",
	} {
		_, err := fromDisk(t, withAuth(fmt.Sprintf("{ file = %q }", path)))
		var list Errors
		if !errors.As(err, &list) || len(list) != 1 || !strings.Contains(err.Error(), want) ||
			!strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), ":11:17: virtual_router.r.auth.file: ") {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	if os.Geteuid() == 0 {
		foreign := secretFile(t, canary, 0o600)
		if err := os.Chown(foreign, 12345, 0); err != nil {
			t.Fatal(err)
		}
		if _, err := fromDisk(t, withAuth(fmt.Sprintf("{ file = %q }", foreign))); err == nil || !strings.Contains(err.Error(), "belongs to user 12345, who can change it") {
			t.Errorf("a stranger's file: %v", err)
		}
	}
	t.Setenv(credentialsVariable, dir)
	if _, err := fromDisk(t, withAuth(`{ credential = "nope" }`)); err == nil || !strings.Contains(err.Error(), "virtual_router.r.auth.credential: open "+dir+"/nope: no such file") {
		t.Errorf("a missing credential: %v", err)
	}
}

// TestCredentialsOfTheService: who is not the service is told so, and has the rest
// of the file.
func TestCredentialsOfTheService(t *testing.T) {
	t.Setenv(credentialsVariable, "")
	d, err := fromDisk(t, withAuth(`{ credential = "auth" }`))
	if err != nil || len(d.Unread) != 1 || !strings.Contains(d.Unread.Error(), "virtual_router.r.auth.credential: credential auth cannot be read here: CREDENTIALS_DIRECTORY is not set") {
		t.Errorf("%v, unread %v", err, d.Unread)
	}
}

// TestSecretsOutliveTheirDeployment: one that is kept as JSON has none of those
// that stand elsewhere, and reads them again.
func TestSecretsOutliveTheirDeployment(t *testing.T) {
	path := secretFile(t, canary, 0o600)
	d, err := fromDisk(t, withAuth(fmt.Sprintf("{ file = %q }", path)))
	if err != nil {
		t.Fatal(err)
	}
	kept, err := json.Marshal(d)
	if err != nil || strings.Contains(string(kept), canary) {
		t.Fatalf("kept: %s, %v", kept, err)
	}
	var again Deployment
	if err := json.Unmarshal(kept, &again); err != nil {
		t.Fatal(err)
	}
	if err := again.ReadSecrets(); err != nil || string(node(t, again, "lb1").Groups[0].Routers[0].Auth) != canary {
		t.Errorf("read again: %v", err)
	}
	if again.Digest() != d.Digest() {
		t.Error("the digest is another one")
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := again.ReadSecrets(); err == nil || !strings.Contains(err.Error(), "virtual_router.r.auth: file "+path+": open "+path+": no such file") {
		t.Errorf("without the file: %v", err)
	}
}

// TestNoErrorShowsASecret: whatever is wrong with one, or near it.
func TestNoErrorShowsASecret(t *testing.T) {
	for _, auth := range []string{
		`"` + canary + `9"`, `"` + canary + `\u0007"`, canary, `"` + canary, `"""` + canary, `'` + canary + "\n\n'",
		`["` + canary + `"]`, `{ fiel = "` + canary + `" }`, `"` + canary + `" x = 1`,
		"\"" + canary + "\"\nversion = 3", "\"" + canary + "\"\nauth = 1", "\"\"\"\n\n" + canary + "\n\\q\"\"\"",
	} {
		_, err := Parse("failover.toml", []byte(withAuth(auth)))
		if err == nil {
			t.Errorf("%s is accepted", auth)
		} else if strings.Contains(err.Error(), canary) || strings.Contains(fmt.Sprintf("%#v", err), canary) {
			t.Errorf("the error shows it: %v", err)
		}
	}
	d := parse(t, withAuth(`"`+canary+`"`))
	for _, shown := range []string{
		fmt.Sprint(d), fmt.Sprintf("%+v", d), fmt.Sprintf("%#v", d.VirtualRouters[0].Auth), d.Warnings.Error(), d.Summary(),
		fmt.Sprintf("%+v", node(t, d, "lb1")), fmt.Sprint(Diff(node(t, parse(t, withAuth(`"other"`)), "lb1"), node(t, d, "lb1"))),
	} {
		if strings.Contains(shown, canary) {
			t.Errorf("it is shown: %s", shown)
		}
	}
}
