// Package manual writes the manual pages: failover(8) from the commands and
// failover.toml(5) from the schema of the configuration, so that neither can say
// other things than the program. It is not part of the program: a test of
// cmd/failover writes the pages, which stand in docs/man.
package manual
