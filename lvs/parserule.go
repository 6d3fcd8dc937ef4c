package lvs

import (
	"errors"
	"fmt"
	"math"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// defaultPersistence is what ipvsadm -p without a value means, in seconds.
const defaultPersistence = 300

// rule is one command line of ipvsadm while it is read.
type rule struct {
	command string // -A or -a
	service Service
	server  Server
	keys    int // how many service addresses were given
	// What can be understood only when all of the line is.
	v6, noPort  bool
	mask, flags string
}

// newRule has what ipvsadm assumes where a line says nothing.
func newRule(command string) *rule {
	return &rule{
		command: command,
		service: Service{Scheduler: "wlc"},
		server:  Server{Forward: DR, Weight: 1},
	}
}

// read takes the words after the command.
func (o *rule) read(words []string) error {
	for len(words) > 0 {
		option, value, joined := strings.Cut(words[0], "=")
		if !strings.HasPrefix(option, "--") {
			option, joined = words[0], false
		}
		option, words = short(option), words[1:]
		if o.flag(option) {
			if joined {
				return fmt.Errorf("%s takes no value", option)
			}
			continue
		}
		if option == "-p" && !joined && (len(words) == 0 || strings.HasPrefix(words[0], "-")) {
			value, joined = strconv.Itoa(defaultPersistence), true
		}
		set := o.option(option)
		switch {
		case set == nil:
			return fmt.Errorf("unknown option %q of %s", option, o.command)
		case !joined && len(words) == 0:
			return fmt.Errorf("%s needs a value", option)
		case !joined:
			value, words = words[0], words[1:]
		}
		if err := set(value); err != nil {
			return err
		}
	}
	return o.finish()
}

// flag takes the options that have no value.
func (o *rule) flag(option string) bool {
	if option == "-6" {
		o.v6 = true
		return true
	}
	if o.command == "-A" {
		if option == "-o" {
			o.service.Flags |= FlagOnePacket
		}
		return option == "-o"
	}
	if i := slices.Index(tunnelChecksums, option); i >= 0 {
		o.server.Tunnel.Flags = uint16(i)
		return true
	}
	switch option {
	case "-m":
		o.server.Forward = NAT
	case "-g":
		o.server.Forward = DR
	case "-i":
		o.server.Forward = TUN
	default:
		return false
	}
	return true
}

// option is what to do with the value of one; nil where the command has no such.
func (o *rule) option(name string) func(value string) error {
	if set := o.keyOption(name); set != nil {
		return set
	}
	into := func(to *string) func(string) error {
		return func(v string) error { *to = v; return nil }
	}
	if o.command == "-A" {
		switch name {
		case "-s":
			return into(&o.service.Scheduler)
		case "-M":
			return into(&o.mask)
		case "--pe":
			return into(&o.service.Engine)
		case "-b":
			return into(&o.flags)
		case "-p":
			return func(v string) error {
				o.service.Flags |= FlagPersistent
				return parseUint(name, v, &o.service.Timeout)
			}
		}
		return nil
	}
	return o.serverOption(name)
}

func (o *rule) serverOption(name string) func(value string) error {
	switch name {
	case "-r":
		return func(v string) (err error) { o.server.Address, o.noPort, err = parseEndpoint(v); return err }
	case "-w":
		return func(v string) error {
			var weight uint32
			err := parseUint(name, v, &weight)
			if err == nil && weight > math.MaxInt32 {
				err = fmt.Errorf("-w %s: at most %d expected", v, math.MaxInt32)
			}
			o.server.Weight = int(weight)
			return err
		}
	case "-x":
		return func(v string) error { return parseUint(name, v, &o.server.Upper) }
	case "-y":
		return func(v string) error { return parseUint(name, v, &o.server.Lower) }
	case "--tun-port":
		return func(v string) error { return parseUint(name, v, &o.server.Tunnel.Port) }
	case "--tun-type":
		return func(v string) error {
			i := slices.Index(tunnelTypes, v)
			if i < 0 {
				return fmt.Errorf("unknown tunnel type %q", v)
			}
			o.server.Tunnel.Type = uint8(i)
			return nil
		}
	}
	return nil
}

// keyOption takes the options that name a service.
func (o *rule) keyOption(name string) func(value string) error {
	protocol, ok := map[string]Protocol{"-t": TCP, "-u": UDP, "--sctp-service": SCTP}[name]
	switch {
	case ok:
		return func(v string) (err error) {
			o.keys++
			o.service.Key.Protocol = protocol
			o.service.Key.Address, _, err = parseEndpoint(v)
			return err
		}
	case name == "-f":
		return func(v string) error {
			o.keys++
			mark, err := strconv.ParseUint(v, 0, 32)
			if err != nil || mark == 0 {
				return fmt.Errorf("firewall mark %q: 1 to 4294967295 expected", v)
			}
			o.service.Key.FWMark = uint32(mark)
			return nil
		}
	}
	return nil
}

// finish puts together what depends on the rest of the line.
func (o *rule) finish() error {
	key := &o.service.Key
	switch {
	case o.keys != 1:
		return errors.New("one service address or firewall mark expected: -t, -u, --sctp-service or -f")
	case key.FWMark == 0 && o.v6 && !key.Is6():
		return errors.New("-6 is for IPv6")
	case key.FWMark != 0:
		key.Address = netip.AddrPortFrom(netip.IPv4Unspecified(), 0)
		if o.v6 {
			key.Address = netip.AddrPortFrom(netip.IPv6Unspecified(), 0)
		}
	}
	if o.command == "-a" {
		return o.finishServer()
	}
	if o.mask != "" {
		var err error
		if o.service.Mask, err = parseMask(o.mask, key.Is6()); err != nil {
			return err
		}
	}
	if o.flags == "" {
		return nil
	}
	for name := range strings.SplitSeq(o.flags, ",") {
		flag, ok := SchedulerFlag(o.service.Scheduler, name)
		if !ok {
			return fmt.Errorf("scheduler %s has no flag %q", o.service.Scheduler, name)
		}
		o.service.Flags |= flag
	}
	return nil
}

// finishServer gives a server without a port that of its service, and takes the
// encapsulation from one that is not tunnelled.
func (o *rule) finishServer() error {
	r := &o.server
	if !r.Address.IsValid() {
		return errors.New("-r is missing")
	}
	if o.noPort {
		r.Address = netip.AddrPortFrom(r.Address.Addr(), o.service.Key.Address.Port())
	}
	if r.Forward != TUN && r.Tunnel != (Tunnel{}) {
		return errors.New("a tunnel's options are for -i")
	}
	return nil
}

// parseEndpoint reads an address with or without port, IPv6 in brackets. Without
// one the port is 0.
func parseEndpoint(text string) (a netip.AddrPort, noPort bool, err error) {
	a, err = netip.ParseAddrPort(text)
	if err != nil {
		bare, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(text, "["), "]"))
		if err != nil {
			return a, false, fmt.Errorf("%q is neither an address nor one with a port; names are not resolved: ipvsadm -Sn writes none", text)
		}
		a, noPort = netip.AddrPortFrom(bare, 0), true
	}
	if a.Addr().Zone() != "" {
		return a, false, fmt.Errorf("%q has a zone, which IPVS does not know", text)
	}
	return a, noPort, nil
}

func parseUint[T uint16 | uint32](option, text string, to *T) error {
	limit := uint64(^T(0))
	v, err := strconv.ParseUint(text, 10, 64)
	if err != nil || v > limit {
		return fmt.Errorf("%s %s: 0 to %d expected", option, text, limit)
	}
	*to = T(v)
	return nil
}

// parseMask reads a dotted IPv4 mask or an IPv6 prefix length.
func parseMask(text string, is6 bool) (uint8, error) {
	if is6 {
		n, err := strconv.ParseUint(text, 10, 8)
		if err != nil || n < 1 || n > 128 {
			return 0, fmt.Errorf("netmask %q of an IPv6 service: 1 to 128 expected", text)
		}
		return uint8(n % 128), nil
	}
	a, err := netip.ParseAddr(text)
	if err != nil || !a.Is4() {
		return 0, fmt.Errorf("netmask %q of an IPv4 service: a dotted mask expected", text)
	}
	ones, bits := net.IPMask(a.AsSlice()).Size()
	if bits == 0 || ones == 0 {
		return MaskOther, nil
	}
	return uint8(ones % 32), nil
}
