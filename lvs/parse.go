package lvs

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Parse reads what [Format] and `ipvsadm -Sn` write: one rule a line, a service
// before its servers. Empty lines and lines that begin with # are passed over.
func Parse(text string) (Table, error) {
	var t Table
	at := map[Key]int{}
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if err := parseRule(&t, at, strings.Fields(line)); err != nil {
			return Table{}, fmt.Errorf("lvs: parse line %d %q: %w", i+1, line, err)
		}
	}
	return t, nil
}

func parseRule(t *Table, at map[Key]int, words []string) error {
	key, rest, err := parseKey(words[1:])
	if err != nil {
		return err
	}
	i, known := at[key]
	switch words[0] {
	case "-A":
		if known {
			return ErrExists
		}
		s := Service{Key: key, Scheduler: "wlc"}
		if err := parseService(&s, rest); err != nil {
			return err
		}
		at[key] = len(t.Services)
		t.Services = append(t.Services, s)
	case "-a":
		if !known {
			return ErrNotFound
		}
		r := Server{Forward: DR, Weight: 1}
		if err := parseServer(&r, rest); err != nil {
			return err
		}
		t.Services[i].Servers = append(t.Services[i].Servers, r)
	default:
		return fmt.Errorf("unknown command %q", words[0])
	}
	return nil
}

// next takes the value of an option off the front of rest.
func next(option string, rest *[]string) (string, error) {
	if len(*rest) == 0 {
		return "", fmt.Errorf("%s needs a value", option)
	}
	v := (*rest)[0]
	*rest = (*rest)[1:]
	return v, nil
}

func parseService(s *Service, rest []string) error {
	for len(rest) > 0 {
		option := rest[0]
		rest = rest[1:]
		if option == "-o" {
			s.Flags |= FlagOnePacket
			continue
		}
		v, err := next(option, &rest)
		if err != nil {
			return err
		}
		switch option {
		case "-s":
			s.Scheduler = v
		case "-p":
			s.Flags |= FlagPersistent
			err = parseUint(v, 32, &s.Timeout)
		case "-M":
			s.Mask, err = parseMask(v)
		case "--pe":
			s.Engine = v
		case "-b":
			err = parseFlags(s, v)
		default:
			err = fmt.Errorf("unknown option %q", option)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func parseFlags(s *Service, list string) error {
	for _, name := range strings.Split(list, ",") {
		flag, ok := SchedulerFlag(s.Scheduler, name)
		if !ok {
			return fmt.Errorf("scheduler %s has no flag %q", s.Scheduler, name)
		}
		s.Flags |= flag
	}
	return nil
}

func parseServer(r *Server, rest []string) error {
	for len(rest) > 0 {
		option := rest[0]
		rest = rest[1:]
		if parseServerSwitch(r, option) {
			continue
		}
		v, err := next(option, &rest)
		if err != nil {
			return err
		}
		switch option {
		case "-r":
			r.Address, err = netip.ParseAddrPort(v)
		case "-w":
			r.Weight, err = strconv.Atoi(v)
		case "-x":
			err = parseUint(v, 32, &r.Upper)
		case "-y":
			err = parseUint(v, 32, &r.Lower)
		case "--tun-type":
			i := slices.Index(tunnelTypes, v)
			if i < 0 {
				return fmt.Errorf("unknown tunnel type %q", v)
			}
			r.Tunnel.Type = uint8(i)
		case "--tun-port":
			err = parseUint(v, 16, &r.Tunnel.Port)
		default:
			err = fmt.Errorf("unknown option %q", option)
		}
		if err != nil {
			return err
		}
	}
	if !r.Address.IsValid() {
		return fmt.Errorf("-r is missing")
	}
	return nil
}

// parseServerSwitch takes the options that have no value.
func parseServerSwitch(r *Server, option string) bool {
	switch option {
	case "-m":
		r.Forward = NAT
	case "-g":
		r.Forward = DR
	case "-i":
		r.Forward = TUN
	case "--tun-nocsum":
		r.Tunnel.Flags = 0
	case "--tun-csum":
		r.Tunnel.Flags = 1
	case "--tun-remcsum":
		r.Tunnel.Flags = 2
	default:
		return false
	}
	return true
}

func parseUint[T uint16 | uint32](text string, bits int, to *T) error {
	v, err := strconv.ParseUint(text, 10, bits)
	*to = T(v)
	return err
}

// parseMask reads a dotted IPv4 mask or an IPv6 prefix length.
func parseMask(text string) (uint8, error) {
	if a, err := netip.ParseAddr(text); err == nil && a.Is4() {
		ones, bits := net.IPMask(a.AsSlice()).Size()
		if bits == 0 || ones == 0 {
			return MaskOther, nil
		}
		return uint8(ones % 32), nil
	}
	n, err := strconv.ParseUint(text, 10, 8)
	if err != nil || n < 1 || n > 128 {
		return 0, fmt.Errorf("netmask %q: a dotted mask or 1 to 128 expected", text)
	}
	return uint8(n % 128), nil
}
