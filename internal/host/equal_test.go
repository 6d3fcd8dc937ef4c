package host

import (
	"reflect"
	"testing"
)

// TestEqualSeesEveryField: a wish with something in one more field, wherever it is,
// is another.
func TestEqualSeesEveryField(t *testing.T) {
	if !(Desired{}).Equal(Desired{}) {
		t.Fatal("nothing is not equal to itself")
	}
	if (Desired{Sysctls: map[string]string{}}).Equal(Desired{}) {
		t.Error("no sysctl and every sysctl as it is are the same")
	}
	seen := 0
	var look func(path string, field func(*Desired) reflect.Value)
	look = func(path string, field func(*Desired) reflect.Value) {
		var d Desired
		switch v := field(&d); v.Kind() {
		case reflect.Struct:
			for i := range v.NumField() {
				look(path+"."+v.Type().Field(i).Name, func(d *Desired) reflect.Value { return field(d).Field(i) })
			}
			return
		case reflect.Slice:
			v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		case reflect.Map:
			v.Set(reflect.MakeMap(v.Type()))
			v.SetMapIndex(reflect.ValueOf("name"), reflect.ValueOf("value"))
		default:
			t.Fatalf("%s is of a kind that this test does not know: %s", path, v.Kind())
		}
		seen++
		if d.Equal(Desired{}) || (Desired{}).Equal(d) {
			t.Errorf("%s is not compared", path)
		}
	}
	look("Desired", func(d *Desired) reflect.Value { return reflect.ValueOf(d).Elem() })
	if seen < 15 {
		t.Errorf("only %d fields were looked at", seen)
	}
}
