package main

import (
	"bytes"
	"encoding/binary"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

func TestModuleOrder(t *testing.T) {
	dep := []byte(`kernel/net/9p/9pnet.ko:
kernel/net/9p/9pnet_virtio.ko: kernel/net/9p/9pnet.ko kernel/drivers/virtio/virtio.ko
kernel/fs/9p/9p.ko.xz: kernel/net/9p/9pnet.ko kernel/fs/netfs/netfs.ko
kernel/fs/netfs/netfs.ko:
kernel/drivers/virtio/virtio.ko:
kernel/drivers/block/virtio-blk.ko: kernel/drivers/virtio/virtio.ko
`)
	builtin := []byte("kernel/fs/overlayfs/overlay.ko\n")
	tests := []struct {
		name string
		want []string
		out  []string
	}{
		{"dependencies first", []string{"9pnet_virtio"}, []string{"virtio", "9pnet", "9pnet_virtio"}},
		{"each once", []string{"9pnet_virtio", "9p"}, []string{"virtio", "9pnet", "9pnet_virtio", "netfs", "9p"}},
		{"built in", []string{"overlay"}, nil},
		{"dash is underscore", []string{"virtio_blk"}, []string{"virtio", "virtio_blk"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			files, err := moduleOrder(dep, builtin, tt.want)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, f := range files {
				got = append(got, moduleName(f))
			}
			if !slices.Equal(got, tt.out) {
				t.Errorf("order %v, want %v", got, tt.out)
			}
		})
	}
	if _, err := moduleOrder(dep, builtin, []string{"absent"}); err == nil {
		t.Error("an absent module is no error")
	}
}

// TestArchiveReadByCpio lets cpio(1) read what we wrote.
func TestArchiveReadByCpio(t *testing.T) {
	path, err := exec.LookPath("cpio")
	if err != nil {
		t.Skip("cpio is not installed; the guest's kernel reads the same archive in the lab tier")
	}
	var a archive
	a.dir("a")
	a.file("a/b", []byte("12345"))
	a.file("init", bytes.Repeat([]byte{7}, 1001))
	a.char("console", 5, 1)
	cmd := exec.Command(path, "-itv", "--quiet")
	cmd.Stdin = bytes.NewReader(a.bytes())
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("cpio: %v\n%s", err, out)
	}
	for _, want := range []string{"drwxr-xr-x", " 5 ", " a/b\n", " 1001 ", " init\n", "crw-------", "5,   1"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("cpio shows no %q in\n%s", want, out)
		}
	}
}

func TestParse(t *testing.T) {
	t.Setenv("FAILOVER_LAB_KERNEL", "")
	tests := []struct {
		args string
		mode string
		argv string
		err  string
	}{
		{"true", "auto", "true", ""},
		{"--vm --kernel 6.12 test -v -x", "vm", "test -v -x", ""},
		{"--direct sh", "direct", "sh", ""},
		{"--direct --vm sh", "", "", "exclude"},
		{"--kernel 5.4 sh", "", "", "6.12"},
		{"--vm", "", "", "no command"},
	}
	for _, tt := range tests {
		t.Run(tt.args, func(t *testing.T) {
			opt, argv, err := parse(strings.Fields(tt.args))
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Fatalf("error %v, want one with %q", err, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if opt.mode != tt.mode || strings.Join(argv, " ") != tt.argv {
				t.Errorf("mode %s, command %q; want %s, %q", opt.mode, argv, tt.mode, tt.argv)
			}
		})
	}
}

func TestPayload(t *testing.T) {
	image := make([]byte, 4096)
	image[offSetupSects] = 1
	copy(image[offMagic:], "HdrS")
	binary.LittleEndian.PutUint32(image[offPayloadOffset:], 16)
	binary.LittleEndian.PutUint32(image[offPayloadLength:], 100)
	copy(image[1024+16:], "\xfd7zXZ\x00rest")
	got, err := payload(image)
	if err != nil || len(got) != 100 || !bytes.HasPrefix(got[6:], []byte("rest")) {
		t.Fatalf("payload of %d bytes, %v", len(got), err)
	}
	binary.LittleEndian.PutUint32(image[offPayloadLength:], 1<<30)
	if _, err := payload(image); err == nil {
		t.Error("a payload beyond the end of the image is no error")
	}
	if _, err := payload(image[:100]); err == nil {
		t.Error("a short file is no error")
	}
}
