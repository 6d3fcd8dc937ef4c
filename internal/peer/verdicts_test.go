package peer

import (
	"encoding/json"
	"testing"
	"time"
)

// TestVerdictsFitIntoABeat: as many as may be told, all of them down for a year.
func TestVerdictsFitIntoABeat(t *testing.T) {
	v := &Verdicts{Checked: 1_000_000, Unknown: []int64{}}
	for i := range int64(MaxVerdicts) {
		v.Down = append(v.Down, Down{900_000 + i, (365 * 24 * time.Hour).Milliseconds()})
	}
	text, err := json.Marshal(Beat{Node: "lb1", Verdicts: v})
	if err != nil {
		t.Fatal(err)
	}
	if len(text) > maxBeat {
		t.Errorf("%d bytes, a beat has %d", len(text), maxBeat)
	}
	var b Beat
	if err := json.Unmarshal(text, &b); err != nil || len(b.Verdicts.Down) != MaxVerdicts || b.Verdicts.Down[1][0] != 900_001 {
		t.Errorf("it comes back as %d, %v", len(b.Verdicts.Down), err)
	}
}
