package policy

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"failover/check"
	"failover/conf"
	"failover/vrrp"
)

// TestTrackTable plays every row of the table in docs/tracks.md, the tracks
// spread over the members of a group.
func TestTrackTable(t *testing.T) {
	text, err := os.ReadFile("../../docs/tracks.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := 0
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(strings.TrimSpace(line), "|")
		if len(cells) != 5 {
			continue
		}
		priority, err := strconv.ParseUint(strings.TrimSpace(cells[2]), 10, 8)
		if err != nil {
			continue // the head
		}
		rows++
		t.Run(strings.TrimSpace(cells[1]), func(t *testing.T) {
			h := trackedBy(t, strings.TrimSpace(cells[1]))
			got := fmt.Sprint(vrrp.EffectivePriority(uint8(priority), h))
			if h.Fault {
				got = "fault"
			}
			if want := strings.TrimSpace(cells[3]); got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		})
	}
	if rows < 20 {
		t.Errorf("%d rows: the table is not where it was", rows)
	}
}

// trackedBy is the health of a group with the tracks of one cell.
func trackedBy(t *testing.T, cell string) vrrp.Health {
	t.Helper()
	w := pair("rr")
	for i, one := range strings.Split(cell, ", ") {
		if one == "none" {
			break
		}
		number, word, _ := strings.Cut(strings.ReplaceAll(one, "−", "-"), " ")
		weight, err := strconv.Atoi(number)
		if err != nil {
			t.Fatal(err)
		}
		track := conf.Track{Router: []string{"outside", "inside"}[i%2], Group: "nat", Kind: check.Process, Name: fmt.Sprint(i), Weight: weight}
		w.Node.Tracks = append(w.Node.Tracks, track)
		switch s := check.Status(word); s {
		case check.Up, check.Down:
			w.Verdicts[TrackID(track)] = check.Verdict{Status: s}
		case check.Unknown:
		default:
			t.Fatalf("the table says %q", word)
		}
	}
	other := conf.Track{Router: "elsewhere", Group: "elsewhere", Kind: check.Process, Name: "x", Weight: -100}
	w.Node.Tracks = append(w.Node.Tracks, other)
	w.Verdicts[TrackID(other)] = check.Verdict{Status: check.Down}
	return Desired(w).Health["nat"]
}

// TestQuorumTrack: while a first verdict is missing that could make the quorum,
// nothing is known of it.
func TestQuorumTrack(t *testing.T) {
	track := conf.Track{Router: "outside", Group: "nat", Kind: conf.QuorumTrack, Name: "web"}
	for _, c := range []struct{ first, other, want check.Status }{
		{check.Unknown, check.Unknown, check.Unknown},
		{check.Down, check.Unknown, check.Unknown},
		{check.Up, check.Unknown, check.Up},
		{check.Up, check.Down, check.Up},
		{check.Down, check.Down, check.Down},
	} {
		w := pair("rr")
		w.Node.Tracks = []conf.Track{track}
		w.judge("web1", c.first)
		w.judge("web2", c.other)
		if v := TrackStanding(&w, track); v.Status != c.want || v.Result.OK != (c.want == check.Up) {
			t.Errorf("%s and %s: %+v, want %s", c.first, c.other, v, c.want)
		}
	}
}

// TestReadyWaitsForTracks: at most FirstVerdicts.
func TestReadyWaitsForTracks(t *testing.T) {
	w := World{Verdicts: map[check.ID]check.Verdict{}}
	w.Node.Groups = []vrrp.GroupConfig{{Name: "nat"}}
	w.Node.Tracks = []conf.Track{{Router: "outside", Group: "nat", Kind: check.File, Name: "/run/x"}}
	if Desired(w).Health["nat"].Ready {
		t.Error("ready without a verdict on the track")
	}
	w.Verdicts[TrackID(w.Node.Tracks[0])] = check.Verdict{Status: check.Down}
	if h := Desired(w).Health["nat"]; !h.Ready || !h.Fault {
		t.Errorf("with a verdict: %+v", h)
	}
	clear(w.Verdicts)
	w.SinceStart = FirstVerdicts
	if h := Desired(w).Health["nat"]; !h.Ready || h.Fault {
		t.Errorf("after %v: %+v", FirstVerdicts, h)
	}
}
