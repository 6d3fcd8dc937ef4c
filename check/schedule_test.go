package check

import (
	"net/netip"
	"reflect"
	"testing"
	"time"
)

// specOf is the spec of server number n.
func specOf(n int, interval time.Duration) Spec {
	addr := netip.AddrFrom4([4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)})
	return Spec{
		Kind: TCP, Target: netip.AddrPortFrom(addr, 80),
		Interval: interval, Timeout: interval / 2, Rise: 2, Fall: 3,
	}
}

// However the checks were set, they end up evenly over the interval, and no gap
// on the way is longer than it.
func TestGapSpreadsEvenly(t *testing.T) {
	const interval, checks, slots = 10 * time.Second, 10_000, 10
	var starts [slots]int
	for n := range checks {
		k := specOf(n, interval).key()
		at := time.Duration(0)
		for i := range 4 {
			g := gap(k, interval, i)
			if g > interval || g < interval/2 {
				t.Fatalf("check %d: gap %d is %v", n, i, g)
			}
			if i >= staggered && g != interval {
				t.Fatalf("check %d: gap %d is %v, want the interval", n, i, g)
			}
			at += g
		}
		starts[at%interval*slots/interval]++
	}
	for slot, n := range starts {
		if n < checks/slots*8/10 || n > checks/slots*12/10 {
			t.Errorf("slot %d: %d of %d starts", slot, n, checks)
		}
	}
}

func TestNextNeverOverlaps(t *testing.T) {
	k := specOf(1, time.Second).key()
	if got := next(k, time.Second, 5, t0, t0.Add(100*time.Millisecond)); !got.Equal(t0.Add(time.Second)) {
		t.Errorf("a quick probe is followed %v after its start", got.Sub(t0))
	}
	if got := next(k, time.Second, 5, t0, t0.Add(3*time.Second)); !got.Equal(t0.Add(3 * time.Second)) {
		t.Errorf("a slow probe is followed %v after its start", got.Sub(t0))
	}
}

// Every field of a spec is in its key: two checks that differ anywhere are two.
func TestKeyHasEveryField(t *testing.T) {
	full := func() Spec {
		s := specOf(1, time.Second)
		s.HTTP = &HTTPSpec{Headers: map[string]string{"A": "b"}, Status: []StatusRange{{200, 299}}}
		s.Exec = &ExecSpec{Argv: []string{"true"}}
		return s
	}
	base := full()
	if !base.Equal(full()) {
		t.Fatal("two equal specs are not Equal")
	}
	var walk func(path string, v reflect.Value, of func(*Spec) reflect.Value)
	walk = func(path string, v reflect.Value, of func(*Spec) reflect.Value) {
		for i := range v.NumField() {
			name := path + v.Type().Field(i).Name
			field := func(s *Spec) reflect.Value { return of(s).Field(i) }
			if f := v.Field(i); f.Kind() == reflect.Pointer {
				walk(name+".", f.Elem(), func(s *Spec) reflect.Value { return field(s).Elem() })
				continue
			}
			other := full()
			change(t, name, field(&other))
			if other.Equal(base) {
				t.Errorf("a spec with another %s has the same key", name)
			}
		}
	}
	walk("", reflect.ValueOf(base), func(s *Spec) reflect.Value { return reflect.ValueOf(s).Elem() })
}

// change gives a field another value.
func change(t *testing.T, name string, f reflect.Value) {
	t.Helper()
	switch v := f.Addr().Interface().(type) {
	case *Kind:
		*v += "x"
	case *string:
		*v += "x"
	case *netip.AddrPort:
		*v = netip.AddrPortFrom(v.Addr(), v.Port()+1)
	case *time.Duration:
		*v++
	case *int:
		*v++
	case *bool:
		*v = !*v
	case *map[string]string:
		*v = map[string]string{"A": "c"}
	case *[]StatusRange:
		*v = []StatusRange{{200, 298}}
	case *[]string:
		*v = []string{"false"}
	default:
		t.Fatalf("%s: this test does not know type %s", name, f.Type())
	}
}

func TestKeyTakesNilForEmpty(t *testing.T) {
	a, b := specOf(1, time.Second), specOf(1, time.Second)
	a.HTTP = &HTTPSpec{Headers: map[string]string{}, Status: []StatusRange{}}
	b.HTTP = &HTTPSpec{}
	if !a.Equal(b) {
		t.Error("empty and nil make two checks of one")
	}
	if a.HTTP.Headers == nil {
		t.Error("key changed its spec")
	}
}
