package ipc

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"failover/vrrp"
)

// heirs are both ends of the line between two engines.
func heirs(t *testing.T) (*HolderEnd, *HeirEnd) {
	t.Helper()
	holder, far, err := HeirPair()
	if err != nil {
		t.Fatal(err)
	}
	fd, err := syscall.Dup(int(far.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	far.Close()
	heir, err := OpenHeir(uintptr(fd))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { holder.Close(); heir.Close() })
	return holder, heir
}

func file(t *testing.T, text string) *os.File {
	t.Helper()
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// TestFilesGoWithTheirMessage: in order, with that message and no other, however long
// it is; what arrives is not inherited by programs.
func TestFilesGoWithTheirMessage(t *testing.T) {
	holder, heir := heirs(t)
	long := strings.Repeat("x", 1<<20)
	sent := make(chan error, 1)
	go func() {
		err := holder.Send(ToHeir{Legacy: &Legacy{Bequest: Bequest{Sockets: []string{long}}}, Files: []*os.File{file(t, "one"), file(t, "two")}})
		if err == nil {
			err = holder.Send(ToHeir{State: &vrrp.EngineState{Version: 1}})
		}
		sent <- err
	}()
	m, err := heir.Recv()
	if err != nil || len(m.Files) != 2 || len(m.Legacy.Bequest.Sockets[0]) != len(long) {
		t.Fatalf("%d files, %v", len(m.Files), err)
	}
	for i, want := range []string{"one", "two"} {
		text, err := io.ReadAll(m.Files[i])
		if err != nil || string(text) != want {
			t.Errorf("file %d has %q, %v", i, text, err)
		}
		if flags, err := unix.FcntlInt(m.Files[i].Fd(), unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 {
			t.Errorf("file %d: flags %#x, %v", i, flags, err)
		}
		m.Files[i].Close()
	}
	if m, err = heir.Recv(); err != nil || m.State == nil || len(m.Files) > 0 {
		t.Errorf("then %+v, %v", m, err)
	}
	if err := <-sent; err != nil {
		t.Error(err)
	}
	holder.Close()
	if _, err := heir.Recv(); err != io.EOF {
		t.Errorf("after the end: %v", err)
	}
}

// TestTooManyFiles and what is not open any more are errors of the sender.
func TestTooManyFiles(t *testing.T) {
	holder, _ := heirs(t)
	f := file(t, "")
	many := make([]*os.File, maxFiles+1)
	for i := range many {
		many[i] = f
	}
	if err := holder.Send(ToHeir{Files: many}); err == nil || !strings.Contains(err.Error(), "129 descriptors cannot go this way") {
		t.Errorf("%v", err)
	}
	holder, _ = heirs(t)
	f.Close()
	if err := holder.Send(ToHeir{Files: many[:1]}); err == nil || !strings.Contains(err.Error(), "descriptor of ") {
		t.Errorf("%v", err)
	}
}
