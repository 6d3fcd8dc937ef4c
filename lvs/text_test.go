package lvs_test

import (
	"encoding/json"
	"strings"
	"testing"

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
		{"-A -t 172.20.10.4 -s rr", "not an ip:port"},
		{"-A -x 172.20.10.4:80 -s rr", `unknown option "-x"`},
		{"-D -t 172.20.10.4:80", `unknown command "-D"`},
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

func FuzzParse(f *testing.F) {
	f.Add(rules)
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
