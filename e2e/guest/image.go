package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
)

// Offsets in the header of a bzImage (Documentation/arch/x86/boot.rst).
const (
	offSetupSects    = 0x1f1
	offMagic         = 0x202
	offPayloadOffset = 0x248
	offPayloadLength = 0x24c
)

// inflate writes the kernel proper, the ELF file inside a bzImage. A guest that
// is emulated would spend three seconds to unpack it at each start.
func inflate(bzImage, vmlinux string) error {
	image, err := os.ReadFile(bzImage)
	if err != nil {
		return err
	}
	payload, err := payload(image)
	if err != nil {
		return fmt.Errorf("%s: %w", bzImage, err)
	}
	cmd := exec.Command("xz", "-dc", "--single-stream")
	cmd.Stdin = bytes.NewReader(payload)
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("unpack %s: xz: %w", bzImage, err)
	}
	if !bytes.HasPrefix(out, []byte("\x7fELF")) {
		return fmt.Errorf("unpack %s: not an ELF file", bzImage)
	}
	return os.WriteFile(vmlinux, out, 0o644)
}

// payload returns the compressed kernel within a bzImage.
func payload(image []byte) ([]byte, error) {
	if len(image) < offPayloadLength+4 || string(image[offMagic:offMagic+4]) != "HdrS" {
		return nil, errors.New("not a bzImage")
	}
	setup := int(image[offSetupSects])
	if setup == 0 {
		setup = 4 // what zero means, for old boot loaders
	}
	start := (setup+1)*512 + int(binary.LittleEndian.Uint32(image[offPayloadOffset:]))
	end := start + int(binary.LittleEndian.Uint32(image[offPayloadLength:]))
	if end > len(image) || start >= end {
		return nil, errors.New("payload outside the image")
	}
	if !bytes.HasPrefix(image[start:], []byte("\xfd7zXZ\x00")) {
		return nil, errors.New("payload is not xz")
	}
	return image[start:end], nil
}
