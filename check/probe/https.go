package probe

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"os"

	"failover/check"
)

// secure is [plain] over TLS. The certificate is verified, for the server name of
// the check, unless it says not to.
type secure struct{}

// Probe shakes hands and sends one request.
func (secure) Probe(ctx context.Context, s check.Spec) check.Result {
	config, err := tlsConfig(s)
	if err != nil {
		return failed("%v", err)
	}
	conn, err := dial(ctx, s)
	if err != nil {
		return broken(ctx, s, err, "connecting")
	}
	// The raw connection is closed, not the TLS one: its farewell would wait for a
	// server that does not read.
	defer conn.Close()
	safe := tls.Client(conn, config)
	if err := safe.HandshakeContext(ctx); err != nil {
		return broken(ctx, s, err, "in the TLS handshake")
	}
	return exchange(ctx, s, safe, "https")
}

// tlsConfig reads the CA file at every probe, so that a renewed one counts at
// once.
func tlsConfig(s check.Spec) (*tls.Config, error) {
	want := check.HTTPSpec{}
	if s.HTTP != nil {
		want = *s.HTTP
	}
	config := &tls.Config{
		ServerName:         serverName(s, want),
		NextProtos:         []string{"http/1.1"},
		InsecureSkipVerify: want.SkipVerify,
	}
	if want.CAFile == "" || want.SkipVerify {
		return config, nil
	}
	pem, err := os.ReadFile(want.CAFile)
	if err != nil {
		return nil, fmt.Errorf("read CA file: %w", err)
	}
	config.RootCAs = x509.NewCertPool()
	if !config.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("CA file %s: no certificate in it", want.CAFile)
	}
	return config, nil
}

// serverName is the name the certificate has to bear: as written, else the host
// asked for, else the address.
func serverName(s check.Spec, want check.HTTPSpec) string {
	switch {
	case want.ServerName != "":
		return want.ServerName
	case want.Host == "":
		return s.Target.Addr().WithZone("").String()
	}
	if host, _, err := net.SplitHostPort(want.Host); err == nil {
		return host
	}
	return want.Host
}
