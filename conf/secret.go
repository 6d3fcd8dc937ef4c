package conf

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// Secret is a value that no output ever shows. The file has it in one of three
// forms: "…" itself, which is a warning, { file = "/path" }, or
// { credential = "name" } of systemd.
type Secret struct {
	File       string `json:",omitempty"`
	Credential string `json:",omitempty"`
	// Inline is what was written into the file itself. It stands where the file may
	// stand: in the memory of a daemon, never in an output.
	Inline string `json:",omitempty"`
	read   string // what File or Credential have
}

// Value is the secret; empty where there is none, or where it was not read.
func (s Secret) Value() string {
	if s.Inline != "" {
		return s.Inline
	}
	return s.read
}

// String says where the secret is, never what it is.
func (s Secret) String() string {
	switch {
	case s.File != "":
		return "file " + s.File
	case s.Credential != "":
		return "credential " + s.Credential
	case s.Inline != "":
		return "a secret"
	}
	return "none"
}

// GoString is String: %#v must not show it either.
func (s Secret) GoString() string { return s.String() }

// isSet tells whether the file has a secret.
func (s Secret) isSet() bool { return s.File != "" || s.Credential != "" || s.Inline != "" }

// elsewhere tells whether it has to be read.
func (s Secret) elsewhere() bool { return s.File != "" || s.Credential != "" }

// blank is the secret without its value, as digests have it: they are shown, and a
// short secret could be guessed from one.
func (s Secret) blank() Secret {
	if s.Inline != "" {
		s.Inline = "inline"
	}
	s.read = ""
	return s
}

const (
	// credentialsVariable is where systemd names the directory of a service's
	// credentials (systemd.exec(5), CREDENTIALS_DIRECTORY).
	credentialsVariable = "CREDENTIALS_DIRECTORY"
	// maxSecret bounds a secret, in bytes.
	maxSecret = 4096
)

// errNoCredentials says that this process is not the service that was given them.
var errNoCredentials = errors.New(credentialsVariable + " is not set: only the service has its credentials")

// fetch reads the secret from where it is.
func (s Secret) fetch() (string, error) {
	if s.File != "" {
		return readSecret(s.File, true)
	}
	dir := os.Getenv(credentialsVariable)
	if dir == "" {
		return "", errNoCredentials
	}
	return readSecret(filepath.Join(dir, s.Credential), false)
}

// readSecret reads a file that has one line. What guarded says of it, that nobody
// else reads or writes it, systemd sees to for credentials.
func readSecret(path string, guarded bool) (string, error) {
	// Nobody may hold us up with a FIFO.
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return "", err
	}
	defer f.Close()
	st, err := f.Stat()
	switch {
	case err != nil:
		return "", err
	case !st.Mode().IsRegular():
		return "", fmt.Errorf("%s is not a regular file", path)
	case guarded:
		if err := guard(path, st); err != nil {
			return "", err
		}
	}
	b, err := io.ReadAll(io.LimitReader(f, maxSecret+1))
	if err != nil {
		return "", err
	}
	text := strings.TrimSuffix(strings.TrimSuffix(string(b), "\n"), "\r")
	switch {
	case len(b) > maxSecret:
		return "", fmt.Errorf("%s is larger than %d bytes", path, maxSecret)
	case text == "":
		return "", fmt.Errorf("%s is empty", path)
	case hasControl(text):
		return "", fmt.Errorf("%s has more than one line, or a control character", path)
	}
	return text, nil
}

// guard refuses a file that others could read or exchange.
func guard(path string, st os.FileInfo) error {
	if mode := st.Mode().Perm(); mode&0o027 != 0 {
		return fmt.Errorf("%s has mode %04o: others can read it or the group can write it; chmod 600 %s", path, mode, path)
	}
	owner, ok := st.Sys().(*syscall.Stat_t)
	if uid := os.Geteuid(); ok && owner.Uid != 0 && int(owner.Uid) != uid {
		return fmt.Errorf("%s belongs to user %d, who can change it; it must belong to root or to user %d, who reads it", path, owner.Uid, uid)
	}
	return nil
}

// secrets are those of a deployment with their keys.
func (d *Deployment) secrets() map[string]*Secret {
	all := map[string]*Secret{}
	for i := range d.VirtualRouters {
		r := &d.VirtualRouters[i]
		if r.Auth.isSet() {
			all["virtual_router."+pathName(r.Name)+".auth"] = &r.Auth
		}
	}
	return all
}

// ReadSecrets reads what the deployment has in files and credentials. [Load] has
// done that; a deployment that was kept elsewhere has none of it.
func (d *Deployment) ReadSecrets() error {
	var errs []error
	for key, s := range d.secrets() {
		if !s.elsewhere() {
			continue
		}
		var err error
		if s.read, err = s.fetch(); err != nil {
			errs = append(errs, fmt.Errorf("%s: %s: %w", key, s, err))
		}
	}
	return errors.Join(errs...)
}

// readSecrets is ReadSecrets with the places of the file, and judges what was read.
// A credential where there are none is no error of the file.
func (b *builder) readSecrets() {
	for i, e := range b.routers {
		auth := e.get("auth")
		s := &b.d.VirtualRouters[i].Auth
		if auth.anyBad() || !s.elsewhere() {
			continue
		}
		at := auth.get("file")
		if s.Credential != "" {
			at = auth.get("credential")
		}
		value, err := s.fetch()
		switch {
		case errors.Is(err, errNoCredentials):
			b.note(&b.d.Unread, at, "", fmt.Sprintf("%s cannot be read here: %v", s, err))
			continue
		case err != nil:
			b.fail(at, "", "%v", err)
			continue
		}
		if wrong := auth.spec.valid(value); wrong != "" {
			b.fail(at, "", "the content of %s %s", s, wrong)
			continue
		}
		s.read = value
	}
}

// secret makes the value of a key of this type.
func (r *reader) secret(e *entry, raw any) {
	m, isTable := raw.(map[string]any)
	if isTable {
		r.table(e, m)
		s := Secret{File: val[string](e.get("file")), Credential: val[string](e.get("credential"))}
		if e.get("file").bad || e.get("credential").bad {
			e.bad = true
			return
		}
		if (s.File == "") == (s.Credential == "") {
			r.fail(e, `write { file = "/path" }, or { credential = "name" }`, "needs one of file and credential")
			return
		}
		e.value = s
		return
	}
	text, ok := raw.(string)
	switch {
	case !ok:
		r.fail(e, "", "must be %s, not %s", e.spec.Allowed(), kindOf(raw))
		return
	case hasControl(text):
		r.fail(e, "", "has a control character")
		return
	}
	if wrong := e.spec.valid(text); wrong != "" {
		r.fail(e, "", "the secret %s", wrong)
		return
	}
	if text != "" && e.set {
		r.note(&r.warnings, e, `write it into a file of mode 600 and { file = "/path" } here`,
			"is a secret in a file that others may read")
	}
	e.value = Secret{Inline: text}
}

// note keeps what is no error.
func (r *reader) note(list *Errors, e *entry, hint, message string) {
	line, col := r.src.position(e.at.val)
	*list = append(*list, Error{File: r.src.name, Line: line, Col: col,
		Key: printable(e.path()), Message: printable(message), Hint: printable(hint)})
}
