package conf

import "testing"

// Who owns a router's addresses is known to the others, and to nobody else.
func TestOtherOwner(t *testing.T) {
	const file = `
[director.lb1]
address = "192.168.33.91"
[director.lb2]
address = "192.168.33.94"
[virtual_router.mine]
interface = "eth1"
vrid = 1
addresses = ["192.168.33.91/24"]
priority = { lb1 = 255 }
[virtual_router.ours]
interface = "eth1"
vrid = 2
addresses = ["192.168.33.90/24"]
`
	d, err := Parse("failover.toml", []byte(file))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][2]bool{"lb1": {false, false}, "lb2": {true, false}} {
		n, err := d.Node(name)
		if err != nil {
			t.Fatal(err)
		}
		if got := [2]bool{n.Groups[0].Routers[0].OtherOwner, n.Groups[1].Routers[0].OtherOwner}; got != want {
			t.Errorf("%s: another owner of mine, ours: %v, want %v", name, got, want)
		}
	}
}
