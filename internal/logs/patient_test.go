package logs

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// gate is a writer that blocks until it is opened.
type gate struct {
	open chan struct{}
	bytes.Buffer
}

func (g *gate) Write(b []byte) (int, error) {
	<-g.open
	return g.Buffer.Write(b)
}

func TestPatientKeepsOrderAndAttributes(t *testing.T) {
	var out bytes.Buffer
	p, flush := Patient(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelInfo}))
	log := slog.New(p).With("process", "engine").WithGroup("g")
	log.Debug("not this")
	log.Info("first", "n", 1)
	log.Warn("second", "n", 2)
	flush()
	flush() // once more is harmless
	log.Info("too late")
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 2 || !strings.Contains(lines[0], "msg=first process=engine g.n=1") ||
		!strings.Contains(lines[1], "msg=second process=engine g.n=2") {
		t.Errorf("got %q", lines)
	}
}

func TestPatientNeverWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &gate{open: make(chan struct{})}
		p, flush := Patient(slog.NewTextHandler(g, nil))
		log := slog.New(p)
		begin := time.Now()
		for i := range 3 * linesKept {
			log.Info("line", "i", i)
		}
		if took := time.Since(begin); took != 0 {
			t.Errorf("took %v", took)
		}
		close(g.open)
		synctest.Wait()
		flush()
		text := g.String()
		// One line is on its way already, or not.
		if !strings.Contains(text, "log lines were dropped") || strings.Count(text, "msg=line") > linesKept+1 {
			t.Errorf("%d lines; the dropped ones are not counted", strings.Count(text, "msg=line"))
		}
	})
}

func TestFlushGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &gate{open: make(chan struct{})}
		p, flush := Patient(slog.NewTextHandler(g, nil))
		slog.New(p).Info("never written")
		begin := time.Now()
		flush()
		if took := time.Since(begin); took != lastWords {
			t.Errorf("flush took %v, want %v", took, lastWords)
		}
		close(g.open)
	})
}
