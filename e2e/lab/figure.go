package lab

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// Figure is one measurement.
type Figure struct {
	Name  string  `json:"name"` // scenario/system/what
	Value float64 `json:"value"`
	Unit  string  `json:"unit"`
	// Kernel is where it was measured, Time when.
	Kernel string    `json:"kernel"`
	Time   time.Time `json:"time"`
}

// String is the line that people and scripts see.
func (f Figure) String() string { return fmt.Sprintf("FIGURE %s %.4g %s", f.Name, f.Value, f.Unit) }

// Record writes a figure as one more line of figures.jsonl in the folder that
// FAILOVER_RESULTS names, if it names one, and returns it for printing.
func Record(name string, value float64, unit string) (Figure, error) {
	release, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	f := Figure{Name: name, Value: value, Unit: unit, Kernel: string(trimNewline(release)), Time: time.Now().UTC()}
	dir := os.Getenv("FAILOVER_RESULTS")
	if dir == "" {
		return f, nil
	}
	line, err := json.Marshal(f)
	if err != nil {
		return f, fmt.Errorf("lab: record %s: %w", name, err)
	}
	file, err := os.OpenFile(filepath.Join(dir, "figures.jsonl"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return f, fmt.Errorf("lab: record %s: %w", name, err)
	}
	_, err = file.Write(append(line, '\n'))
	if cerr := file.Close(); err == nil {
		err = cerr
	}
	return f, err
}

func trimNewline(b []byte) []byte {
	for len(b) > 0 && b[len(b)-1] == '\n' {
		b = b[:len(b)-1]
	}
	return b
}
