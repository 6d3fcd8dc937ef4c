package lvs_test

import (
	"encoding/json"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"failover/lvs"
	"failover/lvs/lvstest"
)

// rules is what Debian 12's ipvsadm -Sn prints, one line of each kind.
const rules = `-A -t 172.20.10.4:80 -s rr
-a -t 172.20.10.4:80 -r 192.168.33.92:80 -m -w 1
-a -t 172.20.10.4:80 -r 192.168.33.93:80 -m -w 100000
-A -t 172.20.10.5:53 -s rr -b flag-3
-A -u 172.20.10.4:53 -s mh -p 300 -M 255.255.255.0 -b mh-fallback,mh-port
-a -u 172.20.10.4:53 -r 172.20.10.90:53 -i -w 0 --tun-type ipip
-a -u 172.20.10.4:53 -r 172.20.10.91:53 -i -w 1 --tun-type gue --tun-port 6080 --tun-remcsum
-a -u 172.20.10.4:53 -r 172.20.10.92:53 -i -w 1 --tun-type gue --tun-port 6080 --tun-nocsum
-a -u 172.20.10.4:53 -r 172.20.10.93:53 -i -w 1 --tun-type gre --tun-csum
-A -u 172.20.10.4:5060 -s wlc -p 60 --pe sip
-A -t [2001:db8::4]:80 -s sh -p 300 -M 64 -b sh-port
-a -t [2001:db8::4]:80 -r [2001:db8::5]:80 -g -w 1
-A -f 7 -s wlc -o
-A -f 8 -6 -s wlc -p 360
`

func TestFormat(t *testing.T) {
	table, err := lvs.Parse(rules)
	if err != nil {
		t.Fatal(err)
	}
	if got := lvs.Format(lvs.Sorted(table)); got != rules {
		t.Errorf("got\n%swant\n%s", got, rules)
	}
}

func TestParseErrors(t *testing.T) {
	tests := []struct{ text, want string }{
		{"-A", "line 1"},
		{"-A -t www -s rr", "names are not resolved"},
		{"-A -t [fe80::1%eth0]:80 -s rr", "has a zone"},
		{"-A -s rr", "one service address or firewall mark"},
		{"-A -t 172.20.10.4:80 -f 7", "one service address or firewall mark"},
		{"-A -t 172.20.10.4:80 -6", "-6 is for IPv6"},
		{"-A -t 172.20.10.4:80 -r 192.168.33.92:80", `unknown option "-r" of -A`},
		{"-A -t 172.20.10.4:80 --ops=1", "takes no value"},
		{"-A -t 172.20.10.4:80 -p 300 -M 24", "a dotted mask expected"},
		{"-A -t [2001:db8::4]:80 -p 300 -M 255.255.255.0", "1 to 128 expected"},
		{"-A -t 172.20.10.4:80 -p 4294967296", "-p 4294967296: 0 to 4294967295 expected"},
		{"-A -t 172.20.10.4:80\n-a -t 172.20.10.4:80 -r 192.168.33.92 -w 2147483648", "at most 2147483647"},
		{"-A -t 172.20.10.4:80\n-a -t 172.20.10.4:80 -r 192.168.33.92 -m --tun-type gre", "are for -i"},
		{"-A -t 172.20.10.4:80\n-a -t 172.20.10.4:80 -r 192.168.33.92\n-a -t 172.20.10.4:80 -r 192.168.33.92:80", "line 3"},
		{"-A -x 172.20.10.4:80 -s rr", `unknown option "-x"`},
		{"-D -t 172.20.10.4:80", "-D adds nothing to a table"},
		{"-X -t 172.20.10.4:80", `unknown command "-X"`},
		{"ipvsadm", "there is no command"},
		{"-A -f 0 -s rr", "firewall mark"},
		{"-A -t 172.20.10.4:80 -s", "-s needs a value"},
		{"-A -t 172.20.10.4:80 -s rr -b sh-port", `scheduler rr has no flag "sh-port"`},
		{"-A -t 172.20.10.4:80 -s rr\n-A -t 172.20.10.4:80 -s rr", "line 2"},
		{"-a -t 172.20.10.4:80 -r 192.168.33.92:80", "not there"},
		{"-A -t 172.20.10.4:80 -s rr\n-a -t 172.20.10.4:80 -m", "-r is missing"},
		{"-A -t 172.20.10.4:80 -s rr\n-a -t 172.20.10.4:80 -r 192.168.33.92:80 --tun-type vxlan", `unknown tunnel type "vxlan"`},
	}
	for _, tt := range tests {
		if _, err := lvs.Parse(tt.text); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("Parse(%q) = %v, want an error with %q", tt.text, err, tt.want)
		}
	}
}

// TestParseAsIpvsadmDoes: long names, any order, and what a line leaves out.
func TestParseAsIpvsadmDoes(t *testing.T) {
	got := parse(t, `
# by hand
ipvsadm --add-service --scheduler=mh -b mh-port,flag-1 --tcp-service 172.20.10.4:80 --persistent
-a -r 192.168.33.92 -t 172.20.10.4:80
-a -t 172.20.10.4:80 --real-server 192.168.33.93:8080 --masquerading --weight=3 -x 9
-A -6 -f 7
-a -f 7 -6 -r [2001:db8::9] -i --tun-type gue --tun-port=6080 --tun-csum
`)
	want := `-A -t 172.20.10.4:80 -s mh -p 300 -b mh-fallback,mh-port
-a -t 172.20.10.4:80 -r 192.168.33.92:80 -g -w 1
-a -t 172.20.10.4:80 -r 192.168.33.93:8080 -m -w 3 -x 9
-A -f 7 -6 -s wlc
-a -f 7 -6 -r [2001:db8::9]:0 -i -w 1 --tun-type gue --tun-port 6080 --tun-csum
`
	if text := lvs.Format(got); text != want {
		t.Errorf("got\n%swant\n%s", text, want)
	}
}

// TestParseRulesGoesOn: a wrong line is told and does not hide the others.
func TestParseRulesGoesOn(t *testing.T) {
	r := lvs.ParseRules("-A -t 172.20.10.4:80 -s rr\n\n-a -t www:80 -r 192.168.33.92\n-a -t 172.20.10.4:80 -r 192.168.33.93\n--set 900 120 300\n")
	var lines []int
	for _, bad := range r.Rejected {
		lines = append(lines, bad.Line)
	}
	if !slices.Equal(lines, []int{3, 5}) || len(r.Table.Services) != 1 || len(r.Table.Services[0].Servers) != 1 {
		t.Errorf("rejected lines %v of %v", lines, r.Table)
	}
	if l := r.Lines[0]; l.Service != 1 || !slices.Equal(l.Servers, []int{4}) {
		t.Errorf("lines %v", l)
	}
}

// TestTextRoundTrip: every table is what is read of its text.
func TestTextRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := lvstest.Tables().Draw(t, "table")
		want.Sync, want.Timeouts = nil, lvs.Timeouts{} // ipvsadm -S has neither
		for _, s := range want.Services {
			for i := range s.Servers {
				s.Servers[i].ConfiguredWeight = 0
			}
		}
		got, err := lvs.Parse(lvs.Format(want))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateComparable(netip.AddrPort{}), cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("%s(-want +got):\n%s", lvs.Format(want), diff)
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add(rules)
	f.Add("ipvsadm --add-service -s=rr --tcp-service [::ffff:1.2.3.4] -p -M 255.255.0.0 --pe sip -o\n-a -t 1.2.3.4:0 -r 1.2.3.4 -y 1 -x 2")
	f.Fuzz(func(t *testing.T, text string) {
		table, err := lvs.Parse(text)
		if err != nil {
			return
		}
		again, err := lvs.Parse(lvs.Format(table))
		if err != nil {
			if strings.Contains(lvs.Format(table), "-M other") {
				return // no prefix: readable for people only
			}
			t.Fatalf("what Format writes cannot be read: %v\n%s", err, lvs.Format(table))
		}
		if a, b := lvs.Format(table), lvs.Format(again); a != b {
			t.Errorf("once\n%stwice\n%s", a, b)
		}
	})
}

func TestDigest(t *testing.T) {
	base := "-A -t 172.20.10.4:80 -s SCHED\n-a -t 172.20.10.4:80 -r 192.168.33.92:80 -m -w 1\n-a -t 172.20.10.4:80 -r 192.168.33.93:80 -m -w 1\n"
	turned := "-A -t 172.20.10.4:80 -s SCHED\n-a -t 172.20.10.4:80 -r 192.168.33.93:80 -m -w 1\n-a -t 172.20.10.4:80 -r 192.168.33.92:80 -m -w 1\n"
	for _, scheduler := range lvstest.Schedulers {
		digest := func(text string) string {
			return lvs.Digest(parse(t, strings.ReplaceAll(text, "SCHED", scheduler)))
		}
		if same := digest(base) == digest(turned); same == lvs.OrderMatters(scheduler) {
			t.Errorf("%s: another sequence gives the same digest: %v", scheduler, same)
		}
		for _, change := range []string{"-w 2", "-w 1 -x 9"} {
			if digest(base) == digest(strings.Replace(base, "-w 1", change, 1)) {
				t.Errorf("%s: %s does not change the digest", scheduler, change)
			}
		}
	}
	const empty = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	if got := lvs.Digest(lvs.Table{}); got != empty {
		t.Errorf("digest of the empty table: %s, want %s", got, empty)
	}
}

func TestOwnedRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := lvs.Owned{}.With(lvstest.Tables().Draw(t, "table"))
		o.Roles = []lvs.Role{lvs.SyncBackup}
		text, err := json.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		var back lvs.Owned
		if err := json.Unmarshal(text, &back); err != nil {
			t.Fatal(err)
		}
		if !o.Equal(back) {
			t.Fatalf("%s came back as %v", text, back)
		}
	})
}

func TestOwned(t *testing.T) {
	web, dns := parse(t, "-A -t 172.20.10.4:80 -s rr"), parse(t, "-A -u 172.20.10.4:53 -s rr")
	web.Sync = []lvs.Sync{{Role: lvs.SyncMaster}}
	both := lvs.Owned{}.With(web).With(dns).With(web)
	if len(both.Services) != 2 || len(both.Roles) != 1 {
		t.Fatalf("both: %v", both)
	}
	if got := both.Shrink(dns, web); !got.Equal(both) {
		t.Errorf("what is still in the kernel was let go: %v", got)
	}
	if got, want := both.Shrink(dns, lvs.Table{}), (lvs.Owned{}).With(dns); !got.Equal(want) {
		t.Errorf("shrunk to %v, want %v", got, want)
	}
}
