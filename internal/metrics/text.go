package metrics

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"
)

// ContentType is the type of what [Text] writes.
const ContentType = string(expfmt.FmtText)

// Text writes a snapshot in Prometheus' text format. A family without a series
// is left out. The same snapshot always gives the same bytes. An error is a
// mistake of ours: two series with the same labels.
func Text(s *Snapshot) ([]byte, error) {
	// A registry of its own for each scrape: what a snapshot does not have is gone,
	// and nothing is counted twice, here and where it happens.
	registry := prometheus.NewRegistry()
	if err := registry.Register(collector{s}); err != nil {
		return nil, fmt.Errorf("metrics: %w", err)
	}
	families, err := registry.Gather()
	if err != nil {
		return nil, fmt.Errorf("metrics: %w", err)
	}
	var b bytes.Buffer
	encoder := expfmt.NewEncoder(&b, expfmt.FmtText)
	for _, f := range families {
		if err := encoder.Encode(f); err != nil {
			return nil, fmt.Errorf("metrics: write %s: %w", f.GetName(), err)
		}
	}
	return b.Bytes(), nil
}

// collector is a snapshot as the client library takes it.
type collector struct{ s *Snapshot }

// Describe implements [prometheus.Collector].
func (c collector) Describe(ch chan<- *prometheus.Desc) {
	for _, f := range Families() {
		ch <- f.desc()
	}
}

// Collect implements [prometheus.Collector].
func (c collector) Collect(ch chan<- prometheus.Metric) {
	for _, f := range Families() {
		desc := f.desc()
		f.each(c.s, func(value float64, labels ...string) {
			// Names of the configuration are UTF-8, what a program prints need not be.
			for i := range labels {
				labels[i] = strings.ToValidUTF8(labels[i], "\uFFFD")
			}
			m, err := prometheus.NewConstMetric(desc, f.Kind.value(), value, labels...)
			if err != nil {
				m = prometheus.NewInvalidMetric(desc, err)
			}
			ch <- m
		})
	}
}

func (f Family) desc() *prometheus.Desc {
	return prometheus.NewDesc(f.Name, f.Help, f.Labels, nil)
}

func (k Kind) value() prometheus.ValueType {
	if k == Counter {
		return prometheus.CounterValue
	}
	return prometheus.GaugeValue
}
