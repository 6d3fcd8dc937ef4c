package lvs

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Parse reads what [Format] and `ipvsadm -Sn` write: one rule a line, a service
// before its servers. It takes the options in any order and in their long forms
// too. Empty lines and lines that begin with # are passed over.
func Parse(text string) (Table, error) {
	r := ParseRules(text)
	for _, bad := range r.Rejected {
		return Table{}, fmt.Errorf("lvs: parse line %d %q: %w", bad.Line, bad.Text, bad.Err)
	}
	return r.Table, nil
}

// Rules is a text of rules as read by [ParseRules]: the table, where each of its
// entries stands, and the lines that say nothing about a table, or nothing that
// can be understood.
type Rules struct {
	Table    Table
	Lines    []RuleLines // of each service
	Rejected []Rejected
}

// RuleLines are the lines of a service and of its servers, counted from 1.
type RuleLines struct {
	Service int
	Servers []int
}

// Rejected is a line that is not in the table.
type Rejected struct {
	Line int // from 1
	Text string
	Err  error // why
}

// ParseRules reads like [Parse] and goes on where a line is wrong.
func ParseRules(text string) Rules {
	var r Rules
	at := map[Key]int{}
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if err := r.add(i+1, at, strings.Fields(line)); err != nil {
			r.Rejected = append(r.Rejected, Rejected{Line: i + 1, Text: line, Err: err})
		}
	}
	return r
}

func (r *Rules) add(line int, at map[Key]int, words []string) error {
	if words[0] == "ipvsadm" { // as ipvsadm -R takes it
		words = words[1:]
	}
	if len(words) == 0 {
		return errors.New("there is no command")
	}
	command := short(words[0])
	switch command {
	case "-A", "-a":
	case "-E", "-D", "-C", "-e", "-d", "-Z", "-R", "-S", "-L", "-l", "--set", "--start-daemon", "--stop-daemon":
		return fmt.Errorf("%s adds nothing to a table", words[0])
	default:
		return fmt.Errorf("unknown command %q", words[0])
	}
	o := newRule(command)
	if err := o.read(words[1:]); err != nil {
		return err
	}
	i, known := at[o.service.Key]
	switch {
	case command == "-A" && known:
		return ErrExists
	case command == "-A":
		at[o.service.Key] = len(r.Table.Services)
		r.Table.Services = append(r.Table.Services, o.service)
		r.Lines = append(r.Lines, RuleLines{Service: line})
		return nil
	case !known:
		return fmt.Errorf("its service is %w", ErrNotFound)
	}
	s := &r.Table.Services[i]
	if slices.ContainsFunc(s.Servers, func(x Server) bool { return x.Address == o.server.Address }) {
		return ErrExists
	}
	s.Servers = append(s.Servers, o.server)
	r.Lines[i].Servers = append(r.Lines[i].Servers, line)
	return nil
}

// longForms are the long names of ipvsadm's commands and options that have a short
// one.
var longForms = map[string]string{
	"--add-service": "-A", "--edit-service": "-E", "--delete-service": "-D", "--clear": "-C",
	"--add-server": "-a", "--edit-server": "-e", "--delete-server": "-d", "--zero": "-Z",
	"--restore": "-R", "--save": "-S", "--list": "-L",
	"--tcp-service": "-t", "--udp-service": "-u", "--fwmark-service": "-f", "--ipv6": "-6",
	"--scheduler": "-s", "--persistent": "-p", "--netmask": "-M", "--ops": "-o", "--sched-flags": "-b",
	"--real-server": "-r", "--gatewaying": "-g", "--ipip": "-i", "--masquerading": "-m",
	"--weight": "-w", "--u-threshold": "-x", "--l-threshold": "-y",
}

func short(word string) string {
	if s, ok := longForms[word]; ok {
		return s
	}
	return word
}
