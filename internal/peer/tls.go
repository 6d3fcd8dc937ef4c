package peer

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"time"
)

// errStranger says that a key belongs to no other director of the configuration.
var errStranger = errors.New("its key is not of another director")

// certificate carries the key in the form that TLS asks for. Nobody checks anything
// of it but the key: neither its dates nor its names mean anything.
func certificate(key ed25519.PrivateKey) (tls.Certificate, error) {
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "failover"},
		NotBefore:    time.Unix(0, 0),
		NotAfter:     time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC), // RFC 5280 section 4.1.2.5
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("peer: make a certificate: %w", err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}

// settings are those of one side of a connection; known tells whose a key is.
// InsecureSkipVerify leaves out the names and the authorities of the public web: what
// counts is the key, which VerifyConnection sees to, resumed sessions included.
func settings(own tls.Certificate, known func(ed25519.PublicKey) error) *tls.Config {
	return &tls.Config{
		Certificates:           []tls.Certificate{own},
		MinVersion:             tls.VersionTLS13,
		ClientAuth:             tls.RequireAnyClientCert,
		InsecureSkipVerify:     true, //nolint:gosec // VerifyConnection pins the key
		SessionTicketsDisabled: true,
		VerifyConnection: func(s tls.ConnectionState) error {
			key, err := keyOf(s)
			if err != nil {
				return err
			}
			return known(key)
		},
	}
}

// keyOf is the key that the other side has proved to have.
func keyOf(s tls.ConnectionState) (ed25519.PublicKey, error) {
	if len(s.PeerCertificates) == 0 {
		return nil, errors.New("it shows no key")
	}
	key, ok := s.PeerCertificates[0].PublicKey.(ed25519.PublicKey)
	if !ok {
		return nil, errors.New("its key is of another kind than Ed25519")
	}
	return key, nil
}
