package manual

import (
	"regexp"

	"failover/conf"
)

// document is where the documentation mentions another document of this project.
var document = regexp.MustCompile(`docs/([a-z-]+\.md)`)

// Configuration is failover.toml(5): every table and key of the schema. The example
// is a whole configuration.
func Configuration(example string) []byte {
	p := &page{}
	p.title("FAILOVER.TOML", 5, "File formats")
	p.section("NAME")
	p.text("failover.toml - configuration of a pair of LVS directors")
	p.section("SYNOPSIS")
	p.fill(italic("/etc/failover/failover.toml"))
	p.section("DESCRIPTION")
	p.text(`The file describes the whole deployment, and is the same on every machine of it, real servers included. It is TOML: tables of keys and values. Keys are written in lower case, as here.

A duration is a string, such as "300ms" or "2s". A table by director gives a key a value for each director: { lb1 = 150, lb2 = 100 }.

Nothing is corrected silently: what is unknown, of the wrong type or out of range, and what contradicts itself, is refused with its line and column, all of it at once. "failover validate" reads a file without a daemon, "failover plan" tells what it would change, "failover reload" brings that about; on any error the configuration before stays in force.`)
	p.section("TABLES AND KEYS")
	doc, form := tables()
	for _, s := range conf.Sections() {
		if s.Path == "" {
			continue // its keys are the tables
		}
		p.subsection(form[s])
		p.text(installed(doc[s]))
		for i := range s.Keys {
			p.key(&s.Keys[i])
		}
	}
	p.section("EXAMPLES")
	p.text("Two directors of two web servers, which route by them (nat). Others, and a file with every key, are in /usr/share/doc/failover/examples.")
	p.example(example)
	p.section("SEE ALSO")
	p.text("failover(8), ipvsadm(8)")
	return p.b.Bytes()
}

// tables finds what is said of each table, and how it is written, at the key that
// has it.
func tables() (doc, form map[*conf.Section]string) {
	doc, form = map[*conf.Section]string{}, map[*conf.Section]string{}
	for _, s := range conf.Sections() {
		for i := range s.Keys {
			k := &s.Keys[i]
			if k.Section == nil || doc[k.Section] != "" {
				continue
			}
			path := k.Section.Path
			switch {
			case k.Type != conf.Table && k.Type != conf.Tables:
				doc[k.Section], form[k.Section] = "What "+k.Name+" takes as a table.", path+" = { ... }"
			case k.Arity == conf.Many:
				doc[k.Section], form[k.Section] = k.Doc, "[["+path+"]]"
			default:
				doc[k.Section], form[k.Section] = k.Doc, "["+path+"]"
			}
		}
	}
	return doc, form
}

// key writes one key: what it means, what it takes, an example where that is no
// table.
func (p *page) key(k *conf.Key) {
	lines := []string{installed(k.Doc), k.Terms()}
	if k.Example != "" {
		lines = append(lines, "Example: "+k.Name+" = "+k.Example)
	}
	p.item(bold(k.Name), lines...)
}

// installed names documents where a package has them.
func installed(text string) string {
	return document.ReplaceAllString(text, "/usr/share/doc/failover/$1")
}
