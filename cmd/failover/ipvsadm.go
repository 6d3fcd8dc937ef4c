package main

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"failover/conf"
	"failover/internal/ipvsadm"
	"failover/internal/policy"
	"failover/lvs"
)

// maxRules bounds the text of an import, in bytes: ten times 10 000 services of ten
// servers.
const maxRules = 100 << 20

func (c *cli) exportCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "export",
		Short:   "Write the configuration in the form of another program",
		Example: "  failover export ipvsadm",
		Args:    knownCommand,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(&cobra.Command{
		Use:   "ipvsadm",
		Short: "Write the table that the file asks for as input of ipvsadm -R",
		Long: `Write the table that the file asks for as input of ipvsadm -R, in the form of
ipvsadm -Sn: services by protocol, address and port, real servers by address, or
under mh, sh and dh in the order of the file, which means something there. Every
real server is taken to be up. No daemon is asked. Thresholds are written (-x, -y),
which ipvsadm -Sn leaves out.

A table of rules has no quorum, sorry server, check, firewall rule or connection
synchronisation.`,
		Example: `  failover export ipvsadm
  failover export ipvsadm -c ./failover.toml | diff - <(ipvsadm -Sn)`,
		Args: noArguments,
		RunE: func(*cobra.Command, []string) error {
			d, err := conf.Peek(c.file)
			if err != nil {
				return c.invalid(err)
			}
			var t lvs.Table
			for _, vs := range d.VirtualServers {
				t.Services = append(t.Services, policy.Configured(&vs))
			}
			_, err = io.WriteString(c.out, lvs.Format(lvs.Canonical(t)))
			return err
		},
	})
	return cmd
}

func (c *cli) importCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "import",
		Short:   "Make a configuration of another program's",
		Example: "  ipvsadm -Sn | failover import ipvsadm > failover.toml",
		Args:    knownCommand,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	var directors []string
	rules := &cobra.Command{
		Use:   "ipvsadm [FILE]",
		Short: "Make a configuration of rules that ipvsadm -Sn has written",
		Long: `Make a configuration of rules that ipvsadm -Sn has written, read from FILE or
from standard input, and write it to standard output. It is valid, and has the same
table. What cannot be carried is told with its line, and the exit code is then 1.

ipvsadm saves no thresholds: add max_connections and min_connections by hand.`,
		Example: `  ipvsadm -Sn | failover import ipvsadm > failover.toml
  failover import ipvsadm --director lb1=192.168.33.91 --director lb2=192.168.33.94 rules.txt`,
		Args: oneArgument,
		RunE: func(cmd *cobra.Command, args []string) error {
			text, err := readRules(cmd, args)
			if err != nil {
				return &failure{code: exitFailed, err: err}
			}
			list, err := parseDirectors(directors, text)
			if err != nil {
				return wrongUsage(cmd, err)
			}
			return c.importRules(text, list, len(directors) == 0)
		},
	}
	rules.Flags().StringArrayVar(&directors, "director", nil, "a director as `NAME=ADDRESS`; repeat it for each")
	cmd.AddCommand(rules)
	return cmd
}

func readRules(cmd *cobra.Command, args []string) (string, error) {
	in := cmd.InOrStdin()
	if len(args) == 1 && args[0] != "-" {
		f, err := os.Open(args[0])
		if err != nil {
			return "", err
		}
		defer f.Close()
		in = f
	}
	data, err := io.ReadAll(io.LimitReader(in, maxRules+1))
	switch {
	case err != nil:
		return "", fmt.Errorf("read rules: %w", err)
	case len(data) > maxRules:
		return "", fmt.Errorf("read rules: more than %d MiB", maxRules>>20)
	}
	return string(data), nil
}

// parseDirectors reads NAME=ADDRESS. Without any there are two whose addresses are
// ones of the documentation that the rules do not have.
func parseDirectors(words []string, rules string) ([]ipvsadm.Director, error) {
	if len(words) == 0 {
		net := "192.0.2."
		for _, other := range []string{"198.51.100.", "203.0.113."} {
			if strings.Contains(rules, net) {
				net = other
			}
		}
		words = []string{"lb1=" + net + "1", "lb2=" + net + "2"}
	}
	var list []ipvsadm.Director
	for _, word := range words {
		name, address, _ := strings.Cut(word, "=")
		a, err := netip.ParseAddr(address)
		if err != nil || name == "" {
			return nil, fmt.Errorf("--director %q: NAME=ADDRESS expected", word)
		}
		list = append(list, ipvsadm.Director{Name: name, Address: a})
	}
	return list, nil
}

func (c *cli) importRules(text string, directors []ipvsadm.Director, invented bool) error {
	r, err := ipvsadm.Import(text, directors)
	if err != nil {
		return &failure{exitUsage, err, "see failover import ipvsadm --help"}
	}
	if _, err := c.out.Write(r.File); err != nil {
		return err
	}
	for _, l := range r.Left {
		fmt.Fprintf(c.err, "line %d: %s: %s\n", l.Line, l.Text, l.Reason)
	}
	switch {
	case len(r.Left) > 0:
		noun := "lines are"
		if len(r.Left) == 1 {
			noun = "line is"
		}
		return &failure{exitFailed, fmt.Errorf("%d %s not in the configuration", len(r.Left), noun), ""}
	case r.File == nil:
		return &failure{exitFailed, errors.New("the rules have no service"), "write them with ipvsadm -Sn, as root"}
	case invented:
		fmt.Fprintln(c.err, "failover: hint: lb1, lb2 and their addresses are made up; --director NAME=ADDRESS says which they are")
	}
	return nil
}
