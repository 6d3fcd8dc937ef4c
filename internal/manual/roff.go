package manual

import (
	"bytes"
	"fmt"
	"strings"
)

// width is where lines of the source are broken, in bytes: a change of one word
// shows as a change of few lines.
const width = 80

// page is a manual page in the macros of man(7).
type page struct{ b bytes.Buffer }

// title opens the page. It has no date: what makes it anew is the program.
func (p *page) title(name string, section int, manual string) {
	fmt.Fprintf(&p.b, ".\\\" Generated from the program; see internal/manual.\n")
	fmt.Fprintf(&p.b, ".TH %s %d \"\" failover \"%s\"\n", quoted(name), section, manual)
	// Commands are copied from here: no hyphenation, no adjustment.
	p.b.WriteString(".nh\n.ad l\n")
}

// section opens a section.
func (p *page) section(name string) { fmt.Fprintf(&p.b, ".SH %s\n", quoted(name)) }

// subsection opens a subsection.
func (p *page) subsection(name string) { fmt.Fprintf(&p.b, ".SS %s\n", quoted(name)) }

// text writes paragraphs, which are separated by empty lines.
func (p *page) text(text string) {
	for i, paragraph := range strings.Split(strings.TrimSpace(text), "\n\n") {
		if i > 0 {
			p.b.WriteString(".PP\n")
		}
		p.fill(escape(paragraph))
	}
}

// paragraph is text after other text of the section.
func (p *page) paragraph(text string) {
	p.b.WriteString(".PP\n")
	p.text(text)
}

// item writes one thing of a list and what is to be said of it; the tag is roff.
func (p *page) item(tag string, bodies ...string) {
	fmt.Fprintf(&p.b, ".TP\n%s\n", tag)
	for i, body := range bodies {
		if i > 0 {
			p.b.WriteString(".br\n")
		}
		p.fill(escape(body))
	}
}

// example writes lines as they are.
func (p *page) example(text string) {
	p.b.WriteString(".PP\n.RS 4\n.EX\n")
	for line := range strings.SplitSeq(strings.TrimRight(text, "\n"), "\n") {
		p.b.WriteString(guarded(literal(line)) + "\n")
	}
	p.b.WriteString(".EE\n.RE\n")
}

// fill writes roff text in lines of about the width.
func (p *page) fill(text string) {
	line := ""
	for word := range strings.FieldsSeq(text) {
		if line != "" && len(line)+1+len(word) > width {
			p.b.WriteString(guarded(line) + "\n")
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	p.b.WriteString(guarded(line) + "\n")
}

// guarded keeps a line of text from being read as a request.
func guarded(line string) string {
	if strings.HasPrefix(line, ".") || strings.HasPrefix(line, "'") {
		return `\&` + line
	}
	return line
}

// escape writes prose in roff. The hyphen of a word stays one; two are an option's.
func escape(s string) string {
	return strings.NewReplacer(`\`, `\e`, " --", ` \-\-`, "--", `\-\-`, " -", ` \-`, "−", `\-`, "–", `\(en`, "…", "...").Replace(s)
}

// literal writes what is to be typed as it stands.
func literal(s string) string {
	return strings.NewReplacer(`\`, `\e`, "-", `\-`, "–", `\(en`, "−", `\-`, "'", `\(aq`, "`", `\(ga`, "^", `\(ha`, "~", `\(ti`, "…", "...").Replace(s)
}

// bold and italic are what is typed, and what stands for something else.
func bold(s string) string   { return `\fB` + literal(s) + `\fR` }
func italic(s string) string { return `\fI` + literal(s) + `\fR` }

// quoted is an argument of a macro.
func quoted(s string) string {
	return `"` + strings.ReplaceAll(literal(s), `"`, `\(dq`) + `"`
}
