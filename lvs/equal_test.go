package lvs

import (
	"net/netip"
	"reflect"
	"testing"
)

// TestEqualSeesEveryField: a table with one value changed, wherever it is, is another.
func TestEqualSeesEveryField(t *testing.T) {
	full := func() *Table {
		return &Table{
			Services: []Service{{Key: Key{Address: netip.MustParseAddrPort("172.20.10.4:80")}, Servers: []Server{{Address: netip.MustParseAddrPort("192.168.33.92:80")}}}},
			Sync:     []Sync{{Group: netip.MustParseAddr("224.0.0.81")}},
		}
	}
	if !full().Equal(*full()) {
		t.Fatal("a table is not equal to itself")
	}
	changed := 0
	for n := 0; ; n++ {
		other := full()
		path, found := changeOne(reflect.ValueOf(other).Elem(), "Table", new(n))
		if !found {
			break
		}
		changed++
		if full().Equal(*other) || other.Equal(*full()) {
			t.Errorf("%s is not compared", path)
		}
	}
	if changed < 25 {
		t.Errorf("only %d values were changed", changed)
	}
	longer := full()
	longer.Services[0].Servers = append(longer.Services[0].Servers, Server{})
	if full().Equal(*longer) {
		t.Error("a server more is not seen")
	}
}

// changeOne changes the value number n below v, and tells where it is.
func changeOne(v reflect.Value, path string, n *int) (string, bool) {
	switch a := v.Addr().Interface().(type) {
	case *netip.AddrPort:
		if *n--; *n < 0 {
			*a = netip.MustParseAddrPort("10.0.0.1:1")
		}
		return path, *n < 0
	case *netip.Addr:
		if *n--; *n < 0 {
			*a = netip.MustParseAddr("10.0.0.1")
		}
		return path, *n < 0
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if where, done := changeOne(v.Field(i), path+"."+v.Type().Field(i).Name, n); done {
				return where, true
			}
		}
		return "", false
	case reflect.Slice:
		for i := range v.Len() {
			if where, done := changeOne(v.Index(i), path, n); done {
				return where, true
			}
		}
		return "", false
	}
	if *n--; *n >= 0 {
		return "", false
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString("other")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int:
		v.SetInt(7)
	default:
		v.SetUint(7)
	}
	return path, true
}
