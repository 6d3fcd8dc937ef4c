package peer

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// pemType is the type of a private key's block (RFC 8410, PKCS #8).
const pemType = "PRIVATE KEY"

// maxKey bounds a key file, in bytes.
const maxKey = 16 << 10

// PublicText is how a public key is written in the configuration: base64 of its 32
// bytes.
func PublicText(key ed25519.PublicKey) string { return base64.StdEncoding.EncodeToString(key) }

// ParsePublic reads a public key of the configuration.
func ParsePublic(text string) (ed25519.PublicKey, error) {
	b, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil || len(b) != ed25519.PublicKeySize || strings.ContainsAny(text, "\r\n") {
		return nil, errors.New("is not a public key: failover keygen prints one, 44 characters")
	}
	return b, nil
}

// ReadKey reads a director's private key. It refuses one that others may read.
func ReadKey(path string) (ed25519.PrivateKey, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("peer: read the private key: %w", err)
	}
	defer f.Close()
	st, err := f.Stat()
	switch {
	case err != nil:
		return nil, fmt.Errorf("peer: read the private key: %w", err)
	case !st.Mode().IsRegular():
		return nil, fmt.Errorf("peer: the private key %s is not a regular file", path)
	case st.Mode().Perm()&0o077 != 0:
		return nil, fmt.Errorf("peer: the private key %s has mode %04o: others can read it; chmod 600 %s", path, st.Mode().Perm(), path)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxKey))
	if err != nil {
		return nil, fmt.Errorf("peer: read the private key: %w", err)
	}
	block, _ := pem.Decode(text)
	if block == nil || block.Type != pemType {
		return nil, fmt.Errorf("peer: %s has no private key (PEM, PKCS #8)", path)
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("peer: the private key %s: %w", path, err)
	}
	own, ok := key.(ed25519.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("peer: the private key %s is of another kind than Ed25519", path)
	}
	return own, nil
}

// MakeKey makes a private key and writes it where nothing is yet, with mode 0600. A
// key that is there is kept: it is returned with made false.
func MakeKey(path string) (key ed25519.PrivateKey, made bool, err error) {
	if key, err = ReadKey(path); !errors.Is(err, fs.ErrNotExist) {
		return key, false, err
	}
	if _, err := os.Stat(filepath.Dir(path)); err != nil {
		return nil, false, fmt.Errorf("peer: write the private key %s: %w", path, err)
	}
	_, key, err = ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, false, fmt.Errorf("peer: make a key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, false, fmt.Errorf("peer: make a key: %w", err)
	}
	var text bytes.Buffer
	if err := pem.Encode(&text, &pem.Block{Type: pemType, Bytes: der}); err != nil {
		return nil, false, fmt.Errorf("peer: make a key: %w", err)
	}
	if err := writeNew(path, text.Bytes()); err != nil {
		return nil, false, fmt.Errorf("peer: write the private key: %w", err)
	}
	return key, true, nil
}

// writeNew writes a file that nobody else reads, whole or not at all, and never over
// another one.
func writeNew(path string, text []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".key-*") // of mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Link(f.Name(), path)
}
