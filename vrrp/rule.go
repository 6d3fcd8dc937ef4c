package vrrp

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// Rule is a rule of policy routing that the machine has while the router is
// master, as `ip rule` has it. Make one with [ParseRule].
type Rule struct {
	IPv6     bool
	Priority uint32       // 1–4294967295; lower ones are asked first
	From     netip.Prefix `json:",omitzero"`  // invalid: all
	To       netip.Prefix `json:",omitzero"`  // invalid: all
	IIF      string       `json:",omitempty"` // the interface it came in on
	OIF      string       `json:",omitempty"` // the interface a socket is bound to
	Mark     uint32       `json:",omitempty"`
	Mask     uint32       `json:",omitempty"` // the bits of the mark that count; 0: none
	Table    uint32       // never 0
}

// ruleWords is what a rule consists of.
var ruleWords = []word[Rule]{
	{names: []string{"from"}, set: to(func(r *Rule) *netip.Prefix { return &r.From }, readSelector)},
	{names: []string{"to"}, set: to(func(r *Rule) *netip.Prefix { return &r.To }, readSelector)},
	{names: []string{"iif", "dev"}, set: to(func(r *Rule) *string { return &r.IIF }, readDevice)},
	{names: []string{"oif"}, set: to(func(r *Rule) *string { return &r.OIF }, readDevice)},
	{names: []string{"fwmark"}, set: readMark},
	{names: []string{"table", "lookup"}, set: to(func(r *Rule) *uint32 { return &r.Table }, readTable)},
	{names: []string{"priority", "preference", "pref", "order"}, set: to(func(r *Rule) *uint32 { return &r.Priority }, readNumber)},
}

// ParseRule reads a rule in the words of `ip rule add`:
//
//	[from all | NETWORK | ADDRESS] [to all | NETWORK | ADDRESS] [iif NAME] [oif NAME]
//	[fwmark N[/MASK]] table main | default | N priority N
//
// The priority must be written: the kernel would choose one by what is there at
// the moment. A rule in which no address tells is of IPv6 if ipv6 says so. The
// error names the word that is wrong.
func ParseRule(text string, ipv6 bool) (Rule, error) {
	var r Rule
	if err := readWords(strings.Fields(text), ruleWords, &r); err != nil {
		return Rule{}, err
	}
	r.IPv6 = ipv6
	switch {
	case r.From.IsValid() && r.To.IsValid() && r.From.Addr().Is6() != r.To.Addr().Is6():
		return Rule{}, fmt.Errorf("to: %s and %s are of different families", r.To, r.From)
	case r.From.IsValid():
		r.IPv6 = r.From.Addr().Is6()
	case r.To.IsValid():
		r.IPv6 = r.To.Addr().Is6()
	}
	switch {
	case r.Table == 0:
		return Rule{}, errors.New("table is missing: it says where to look")
	case r.Priority == 0:
		return Rule{}, errors.New("priority is missing, or 0, which is that of the kernel's own table")
	}
	return r, nil
}

// readSelector reads whom a rule is about; all is nobody in particular.
func readSelector(s string) (netip.Prefix, error) {
	if s == "all" || s == "any" || s == "default" {
		return netip.Prefix{}, nil
	}
	p, err := readNet(s)
	if err == nil && p.Bits() == 0 {
		return netip.Prefix{}, fmt.Errorf("%s is everything; write all", p)
	}
	return p, err
}

// readMark reads the mark of a packet, with the bits that count after a slash.
func readMark(r *Rule, s string) (err error) {
	mark, mask, masked := strings.Cut(s, "/")
	if r.Mark, err = readNumber(mark); err != nil {
		return err
	}
	r.Mask = 1<<32 - 1
	if masked {
		if r.Mask, err = readNumber(mask); err != nil {
			return err
		}
	}
	switch {
	case r.Mask == 0:
		return errors.New("with mask 0 every mark fits")
	case r.Mark&^r.Mask != 0:
		return fmt.Errorf("%#x has bits that its mask %#x leaves out; write %#x", r.Mark, r.Mask, r.Mark&r.Mask)
	}
	return nil
}

// String writes the rule in the words of `ip rule`, as [ParseRule] reads it where
// the family is told.
func (r Rule) String() string {
	words := []string{"from", "all"}
	if r.From.IsValid() {
		words[1] = netName(r.From)
	}
	add := func(name, value string) {
		if value != "" {
			words = append(words, name, value)
		}
	}
	if r.To.IsValid() {
		add("to", netName(r.To))
	}
	add("iif", r.IIF)
	add("oif", r.OIF)
	switch r.Mask {
	case 0:
	case 1<<32 - 1:
		add("fwmark", fmt.Sprintf("%#x", r.Mark))
	default:
		add("fwmark", fmt.Sprintf("%#x/%#x", r.Mark, r.Mask))
	}
	add("table", tableName(r.Table))
	add("priority", strconv.FormatUint(uint64(r.Priority), 10))
	return strings.Join(words, " ")
}
