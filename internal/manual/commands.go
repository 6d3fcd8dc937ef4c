package manual

import (
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Commands is failover(8): every command that people type, as its help has it.
func Commands(root *cobra.Command) []byte {
	p := &page{}
	p.title("FAILOVER", 8, "System administration")
	p.section("NAME")
	p.text("failover - a pair of LVS directors that act as one")
	p.section("SYNOPSIS")
	p.fill(bold("failover") + " " + italic("COMMAND") + " [" + italic("flags") + "]")
	p.section("DESCRIPTION")
	p.text(root.Long)
	p.paragraph("It is configured by one file, the same on every machine of the deployment, real servers included: see failover.toml(5). " +
		"The daemon of a director is failover.service, which runs \"failover run\"; a real server is set up at boot by failover-realserver.service, which runs \"failover realserver up\".")
	p.section("OPTIONS")
	p.flags(root.PersistentFlags())
	p.item(bold("-h")+", "+bold("--help"), "Help, of every command, with examples.")
	p.section("COMMANDS")
	p.commands(root)
	p.section("EXIT STATUS")
	for _, e := range []struct{ code, means string }{
		{"0", "Fine."},
		{"1", "It failed; for status and plan, and for realserver status: something is wrong, or differs."},
		{"2", "Wrong usage, or an invalid configuration."},
		{"3", "No daemon answers."},
	} {
		p.item(bold(e.code), e.means)
	}
	p.section("FILES")
	for _, f := range []struct{ path, is string }{
		{"/etc/failover/failover.toml", "The configuration."},
		{"/etc/failover/node.key", "The director's private key for the peer link, made by failover keygen."},
		{"/var/lib/failover", "What outlives a boot: what is ours, what a setting was before, the operator's words. daemon.state_dir is another place."},
		{"/run/failover", "What a restarted daemon goes on from, and the control socket. Members of the group failover may use the socket."},
		{"/usr/share/doc/failover", "More of it, and examples."},
	} {
		p.item(italic(f.path), f.is)
	}
	p.section("SEE ALSO")
	p.text("failover.toml(5), ipvsadm(8), nft(8), systemctl(1), systemd-creds(1)")
	return p.b.Bytes()
}

// commands writes the commands below one, each with its own below it.
func (p *page) commands(parent *cobra.Command) {
	for _, cmd := range parent.Commands() {
		if cmd.Hidden {
			continue
		}
		p.subsection(strings.TrimSuffix(cmd.UseLine(), " [flags]"))
		long := cmd.Long
		if long == "" {
			long = cmd.Short + "."
		}
		p.text(long)
		p.flags(cmd.LocalNonPersistentFlags())
		// The examples of a command with others below it are theirs.
		if !cmd.HasAvailableSubCommands() {
			p.example(unindented(cmd.Example))
		}
		p.commands(cmd)
	}
}

// flags lists flags; help stands with the options of the program.
func (p *page) flags(set *pflag.FlagSet) {
	set.VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Name == "help" {
			return
		}
		tag := bold("--" + f.Name)
		if f.Shorthand != "" {
			tag = bold("-"+f.Shorthand) + ", " + tag
		}
		name, usage := pflag.UnquoteUsage(f)
		if name != "" {
			tag += " " + italic(strings.ToUpper(name))
		}
		usage = strings.ToUpper(usage[:1]) + usage[1:] + "."
		if f.DefValue != "" && f.DefValue != "false" && f.DefValue != "[]" {
			usage += " Default: " + f.DefValue + "."
		}
		p.item(tag, usage)
	})
}

// unindented takes the indentation of the help off.
func unindented(text string) string {
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = strings.TrimPrefix(lines[i], "  ")
	}
	return strings.Join(lines, "\n")
}
