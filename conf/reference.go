package conf

import (
	"bytes"
	"fmt"
	"strings"
)

//go:generate go test -run TestReferenceFile -update

// Reference is failover.reference.toml: every key with its meaning, what it
// takes and its default, made from the schema. It is a valid configuration.
func Reference() []byte {
	var b bytes.Buffer
	comment(&b, "Every key of failover.toml: what it means, what it takes, its default. "+
		"Generated from the schema that the program reads by. "+
		"A duration is a string, such as \"300ms\" or \"2s\". "+
		"A table by director gives a key a value for each director: { lb1 = 150, lb2 = 100 }.")
	doc := map[*Section]string{}
	for _, s := range Sections() {
		for _, k := range s.Keys {
			if k.Section != nil && doc[k.Section] == "" {
				doc[k.Section] = k.Doc
			}
		}
		if s.Header != "" {
			b.WriteByte('\n')
			writeSection(&b, s, doc[s])
		}
	}
	return b.Bytes()
}

func writeSection(b *bytes.Buffer, s *Section, doc string) {
	comment(b, doc)
	b.WriteString(s.Header + "\n")
	for i := range s.Keys {
		k := &s.Keys[i]
		if k.Section != nil && k.Example == "" {
			continue // a table of its own follows
		}
		b.WriteByte('\n')
		comment(b, k.Doc)
		comment(b, k.Terms())
		if k.Section != nil && (!k.opens() || k.Section.Header == "" && k.Section.Path == s.Path+"."+k.Name) {
			writeParts(b, k)
		}
		value := k.Example
		if value == "" {
			value = k.Default
		}
		if k.Aside {
			b.WriteString("# ")
		}
		fmt.Fprintf(b, "%s = %s\n", k.Name, value)
	}
	if s.Trailer != "" {
		b.WriteString("\n" + s.Trailer)
	}
}

// writeParts documents the keys of a value that may be written as a table, where
// the file has the short form, and of a table that it has as a comment only.
func writeParts(b *bytes.Buffer, k *Key) {
	comment(b, "The keys of a table:")
	for i := range k.Section.Keys {
		part := &k.Section.Keys[i]
		comment(b, "- "+part.Name+": "+part.Doc+" "+part.Terms())
	}
}

// Terms says in words what a key takes and what it is when it is left out: "Takes:
// integer, 1–254. Default: 100."
func (k *Key) Terms() string {
	s := "Takes: " + k.Allowed() + "."
	switch {
	case k.Required:
		s += " Required."
	case k.Default != "":
		s += " Default: " + k.Default + "."
	case k.Implied != "":
		s += " Default: " + k.Implied + "."
	}
	if len(k.Kinds) > 0 {
		s += " Only for kind " + enumerate(k.Kinds) + "."
	}
	return s
}

// enumerate lists words: a, b and c.
func enumerate(list []string) string {
	if len(list) < 2 {
		return strings.Join(list, "")
	}
	last := len(list) - 1
	return strings.Join(list[:last], ", ") + " and " + list[last]
}

// comment writes a text as TOML comments of at most 80 columns.
func comment(b *bytes.Buffer, text string) {
	line := "#"
	for word := range strings.FieldsSeq(text) {
		if len(line)+1+len(word) > 80 && line != "#" {
			b.WriteString(line + "\n")
			line = "#"
		}
		line += " " + word
	}
	b.WriteString(line + "\n")
}
