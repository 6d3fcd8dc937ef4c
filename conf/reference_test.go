package conf

import (
	"flag"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the generated and the golden files anew")

const referenceFile = "../docs/failover.reference.toml"

// golden compares with a file, or writes it.
func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s is not what the program makes now; write it anew with go test -update (-want +got):\n%s", path, diff)
	}
}

func TestReferenceFile(t *testing.T) {
	golden(t, referenceFile, string(Reference()))
}

func TestReferenceIsValid(t *testing.T) {
	d, err := Parse("failover.reference.toml", Reference())
	if err != nil {
		t.Fatal(err)
	}
	want := "2 directors (lb1, lb2), 2 virtual routers in 1 group, 1 virtual server with 2 real servers, connection sync on"
	if got := d.Summary(); got != want {
		t.Errorf("the reference describes %s, want %s", got, want)
	}
}
