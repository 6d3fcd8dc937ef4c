// Package deb holds the tests of the Debian package: what it brings, what becomes of
// it at an upgrade, a removal and a purge. They take root and dpkg, and the package
// that FAILOVER_DEB names; scripts/package makes one. Each runs on this machine's own
// file system under a layer that goes with the test, in namespaces of its own.
package deb
