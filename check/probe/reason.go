package probe

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"unicode"

	"failover/check"
)

// broken is the result of a probe that met an error while doing something:
// "connecting", "waiting for headers".
func broken(ctx context.Context, s check.Spec, err error, doing string) check.Result {
	var (
		errno   syscall.Errno
		timeout net.Error
		cert    *tls.CertificateVerificationError
		record  tls.RecordHeaderError
	)
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return failed("cancelled %s", doing)
	case ctx.Err() != nil, errors.Is(err, os.ErrDeadlineExceeded),
		errors.As(err, &timeout) && timeout.Timeout():
		return failed("timeout after %v %s", s.Timeout, doing)
	case errors.As(err, &cert):
		return failed("certificate not accepted: %s", strings.TrimPrefix(cert.Err.Error(), "x509: "))
	case errors.As(err, &record):
		return failed("no TLS %s: %s", doing, record.Msg)
	case errors.As(err, &errno):
		return failed("%s", errno.Error())
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return failed("connection closed %s", doing)
	}
	return failed("%s: %v", doing, err)
}

// longest is the number of bytes a detail may have.
const longest = 200

// oneLine makes a text fit to be shown: one line, no control characters, not too
// long. It comes from the network or from a program, so it may be anything.
func oneLine(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, s)
	s = strings.TrimSpace(s)
	if len(s) > longest {
		s = strings.ToValidUTF8(s[:longest], "") + "…"
	}
	return s
}
