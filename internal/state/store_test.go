package state

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

type saved struct {
	Names []string
	Count map[string]int
}

func TestStoreRoundTrip(t *testing.T) {
	for _, volatile := range []bool{false, true} {
		s := &Store[saved]{Path: filepath.Join(t.TempDir(), "f.json"), BootID: thisBoot, Volatile: volatile}
		if v, origin, err := s.Load(); err != nil || origin != Missing || !reflect.DeepEqual(v, saved{}) {
			t.Fatalf("before the first save: %v, %v, %v", v, origin, err)
		}
		want := saved{Names: []string{"a", "b"}, Count: map[string]int{"a": 1}}
		if err := s.Save(want); err != nil {
			t.Fatal(err)
		}
		if v, origin, err := s.Load(); err != nil || origin != ThisBoot || !reflect.DeepEqual(v, want) {
			t.Errorf("loaded %v, %v, %v, want %v of this boot", v, origin, err, want)
		}
		s.BootID = strings.Repeat("0", bootIDLen)
		if v, origin, err := s.Load(); err != nil || origin != EarlierBoot || !reflect.DeepEqual(v, want) {
			t.Errorf("loaded %v, %v, %v, want %v of an earlier boot", v, origin, err, want)
		}
		st, err := os.Stat(s.Path)
		if err != nil {
			t.Fatal(err)
		}
		if st.Mode().Perm() != 0o600 {
			t.Errorf("mode %v, want 0600", st.Mode().Perm())
		}
	}
}

func TestStoreSetsAsideWhatItCannotTrust(t *testing.T) {
	for name, content := range map[string]string{
		"empty":         "",
		"cut":           `{"version":1,"boot_id":"x","data":{"Nam`,
		"not json":      "hello",
		"no version":    `{"data":{}}`,
		"later version": `{"version":2,"boot_id":"x","data":{"Names":["a"]}}`,
		"wrong type":    `{"version":1,"boot_id":"x","data":{"Names":7}}`,
		"no data":       `{"version":1,"boot_id":"x"}`,
	} {
		t.Run(name, func(t *testing.T) {
			s := &Store[saved]{Path: filepath.Join(t.TempDir(), "f.json"), BootID: thisBoot}
			if err := os.WriteFile(s.Path, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
			v, _, err := s.Load()
			if !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), s.Path) {
				t.Fatalf("error %v, want ErrCorrupt that names %s", err, s.Path)
			}
			if !reflect.DeepEqual(v, saved{}) {
				t.Errorf("value %v from a file that cannot be trusted", v)
			}
			if aside, err := os.ReadFile(s.Path + ".corrupt"); err != nil || string(aside) != content {
				t.Errorf("set aside %q, %v, want %q", aside, err, content)
			}
			if _, origin, err := s.Load(); err != nil || origin != Missing {
				t.Errorf("second load: %v, %v, want a missing file", origin, err)
			}
		})
	}
}

func FuzzStoreLoad(f *testing.F) {
	f.Add([]byte(`{"version":1,"boot_id":"x","data":{"Names":["a"],"Count":{"a":1}}}`))
	f.Add([]byte("null"))
	f.Fuzz(func(t *testing.T, content []byte) {
		s := &Store[saved]{Path: filepath.Join(t.TempDir(), "f.json"), BootID: thisBoot}
		if err := os.WriteFile(s.Path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, _, err := s.Load(); err != nil && !errors.Is(err, ErrCorrupt) {
			t.Fatalf("load of %q: %v", content, err)
		}
	})
}
