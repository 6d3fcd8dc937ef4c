package manual

import "testing"

// TestRoff: nothing of a text is read as a request, and what is typed can be copied.
func TestRoff(t *testing.T) {
	p := &page{}
	p.text(".config is a file\n\n'quoted' with --flag, a back\\slash and 1–254")
	p.item(bold("-c"), "one", "two")
	p.example("a 'b' \\\n.c --d")
	want := `\&.config is a file
.PP
\&'quoted' with \-\-flag, a back\eslash and 1\(en254
.TP
\fB\-c\fR
one
.br
two
.PP
.RS 4
.EX
a \(aqb\(aq \e
\&.c \-\-d
.EE
.RE
`
	if got := p.b.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
