// Package testenv is what tests ask of the machine they run on: whether it can
// do what they need, and network namespaces that behave as machines of their own.
// Only tests import it.
//
// What is missing skips a test, unless FAILOVER_REQUIRE lists the capability,
// separated by commas: "netns" for root and its network namespaces, "peers" for
// other people's routers, "lab" for a kernel with IPVS, "deb" for the Debian package,
// "vagrant" for machines of their own. CI lists all but the last.
package testenv
