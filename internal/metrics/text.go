package metrics

import (
	"bytes"
	"strconv"
	"strings"
)

// ContentType is the type of what [Text] writes.
const ContentType = "text/plain; version=0.0.4; charset=utf-8"

// Text writes a snapshot in Prometheus' text format. A family without a series
// is left out. The same snapshot always gives the same bytes.
func Text(s *Snapshot) []byte {
	var b bytes.Buffer
	var number [32]byte
	for _, f := range Families() {
		headed := false
		f.each(s, func(value float64, labels ...string) {
			if !headed {
				headed = true
				b.WriteString("# HELP " + f.Name + " " + escapeHelp.Replace(f.Help) + "\n")
				b.WriteString("# TYPE " + f.Name + " " + string(f.Kind) + "\n")
			}
			b.WriteString(f.Name)
			writeLabels(&b, f.Labels, labels)
			b.WriteByte(' ')
			b.Write(strconv.AppendFloat(number[:0], value, 'f', -1, 64))
			b.WriteByte('\n')
		})
	}
	return b.Bytes()
}

// escapeHelp and escapeLabel are the escapes of the text format.
var (
	escapeHelp  = strings.NewReplacer(`\`, `\\`, "\n", `\n`)
	escapeLabel = strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`)
)

func writeLabels(b *bytes.Buffer, names, values []string) {
	for i, name := range names {
		if i == 0 {
			b.WriteByte('{')
		} else {
			b.WriteByte(',')
		}
		b.WriteString(name + `="`)
		_, _ = escapeLabel.WriteString(b, strings.ToValidUTF8(values[i], "\uFFFD")) // a buffer takes everything
		b.WriteByte('"')
	}
	if len(names) > 0 {
		b.WriteByte('}')
	}
}
