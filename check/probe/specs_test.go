package probe

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"failover/check"
)

func spec(kind check.Kind, target netip.AddrPort) check.Spec {
	return check.Spec{Kind: kind, Target: target, Interval: time.Second, Timeout: timeout, Rise: 1, Fall: 1}
}

// patient gives a server that is to succeed all the time a loaded machine needs.
func patient(s check.Spec) check.Spec {
	s.Timeout = 20 * time.Second
	return s
}

func patiently(make func(*testing.T) check.Spec) func(*testing.T) check.Spec {
	return func(t *testing.T) check.Spec { return patient(make(t)) }
}

func onTCP(treat func(net.Conn)) func(*testing.T) check.Spec {
	return func(t *testing.T) check.Spec { return patient(spec(check.TCP, serve(t, treat))) }
}

func onHTTP(treat func(net.Conn)) func(*testing.T) check.Spec {
	return func(t *testing.T) check.Spec {
		s := spec(check.HTTP, serve(t, treat))
		s.HTTP = &check.HTTPSpec{Body: "OK"}
		return s
	}
}

func onHTTPS(name string, treat func(net.Conn)) func(*testing.T) check.Spec {
	return func(t *testing.T) check.Spec {
		a := newAuthority(t)
		s := spec(check.HTTPS, a.serve(t, name, treat))
		s.HTTP = &check.HTTPSpec{Body: "OK", ServerName: "web.example", CAFile: a.file}
		return s
	}
}

func toRefusing(kind check.Kind) func(*testing.T) check.Spec {
	return func(t *testing.T) check.Spec { return patient(spec(kind, refusing(t))) }
}

func toSilent(kind check.Kind) func(*testing.T) check.Spec {
	return func(t *testing.T) check.Spec { return spec(kind, silent(t)) }
}

func toMute(kind check.Kind) func(*testing.T) check.Spec {
	return func(t *testing.T) check.Spec { return spec(kind, serve(t, mute)) }
}

func runs(script string) func(*testing.T) check.Spec {
	return func(t *testing.T) check.Spec {
		s := spec(check.Exec, netip.MustParseAddrPort("192.0.2.1:80"))
		s.Exec = &check.ExecSpec{Argv: []string{"/bin/sh", "-c", script}}
		return s
	}
}
